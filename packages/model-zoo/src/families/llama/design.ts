/** What the families like Llama differ in, told by each of them from its config. */
export interface LlamaDesign {
  readonly bias: {
    /** Of the projections to queries, keys and values. */
    readonly inputs: boolean;
    /** Of the projection back to the width of the model. */
    readonly output: boolean;
    readonly mlp: boolean;
  };
  /** Whether queries and keys are normalised, head by head, before they turn. */
  readonly normalizedHeads: boolean;
  /** For each layer how many of the last tokens it sees, or `null` for all. */
  readonly windows: readonly (number | null)[];
}
