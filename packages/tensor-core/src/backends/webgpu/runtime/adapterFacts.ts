/** What is told of the adapter that a backend runs on. */
export interface AdapterFacts {
  readonly name: string;
  readonly vendor: string;
  readonly architecture: string;
  /** Whether it is a CPU that plays a GPU. */
  readonly isSoftware: boolean;
  readonly features: readonly string[];
}

export function adapterFacts({ info, features }: GPUAdapter): AdapterFacts {
  const { vendor, architecture, description, device } = info;
  const name =
    description || device || [vendor, architecture].filter(Boolean).join(' ') || 'unnamed';
  return {
    name,
    vendor,
    architecture,
    isSoftware: info.isFallbackAdapter || /llvmpipe|swiftshader|lavapipe|basic render/i.test(name),
    features: [...features].sort(),
  };
}
