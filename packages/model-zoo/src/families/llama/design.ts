import type { LlamaLikeConfig } from './config.ts';

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
  /** Whether queries, keys and values come from one layer, and the two halves of the MLP from another, as in Phi-3. */
  readonly fused?: boolean;
  /** The function of the MLP, if not `hidden_act`. */
  readonly activation?: string;
  /** Whether norms multiply with 1 + weight. */
  readonly unitNorms?: boolean;
  /** Whether norms are behind the attention and the MLP, too. */
  readonly normsBehind?: boolean;
  /** What words are multiplied with. Defaults to 1. */
  readonly wordScale?: number;
  /** What products of query and key are multiplied with. Defaults to 1 / sqrt(head size). */
  readonly scale?: number;
  /** Soft caps on the products of query and key, and on logits. */
  readonly caps?: { readonly products: number | null; readonly logits: number | null };
  /** Rate of dropout on what the attention and the MLP add. */
  readonly residualDropout?: number;
  /** Another name for a kind of rotary scaling. */
  readonly ropeKind?: (kind: string) => string;
  /** The design of a model of the family with other sizes. */
  readonly resized?: (config: LlamaLikeConfig) => LlamaDesign;
}
