import { type Program, reshapeOp, type TensorType, valueTypes } from '@lorikeet/tensor-core';

/** A program, and the types in which its results are written. */
export interface Unshaped {
  readonly program: Program;
  readonly types: readonly TensorType[];
}

/**
 * The program whose results are those of the given one before their last reshapes. The elements are the same and lie in
 * the same order, but ONNX Runtime copies them where a graph ends with a reshape.
 */
export function beforeReshapes(program: Program): Unshaped {
  const first = program.inputs.length + program.constants.length;
  const types = valueTypes(program);
  const taken = new Set(program.outputs);
  const outputs = program.outputs.map((output) => {
    let source = output;
    for (let call = program.instructions[source - first]; call?.op === reshapeOp; ) {
      source = call.inputs[0] ?? source;
      call = program.instructions[source - first];
    }
    // What is given is no result, and one array does not serve two results.
    if (source < first || taken.has(source)) return output;
    taken.add(source);
    return source;
  });
  return {
    program: { ...program, outputs },
    types: outputs.map((output) => types[output] as TensorType),
  };
}
