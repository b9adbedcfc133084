export { adapterLaws } from './adapter/adapterLaws.ts';
export { requireClose, requireSame } from './closeness.ts';
export { describeLaws, type TestRunner } from './describeLaws.ts';
export { fastCheckDraw } from './fastCheckDraw.ts';
export { type Law, type LawOptions, LawViolation, law } from './law.ts';
export { noise } from './noise.ts';
export { numericalDerivative } from './numericalDerivative.ts';
export { type OpLawOptions, opLaws } from './op/opLaws.ts';
