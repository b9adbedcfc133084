/** The newest version of ONNX's operators that ONNX Runtime 1.30 runs. */
export const opset = 26;
