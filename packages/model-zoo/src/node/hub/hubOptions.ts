/** How far downloads are. */
export interface DownloadProgress {
  /** The file that is being fetched. */
  readonly file: string;
  /** Bytes of all files that are here. */
  readonly loaded: number;
  /** Bytes of all files that are fetched. */
  readonly total: number;
}

/** How models that are no folder are fetched. */
export interface HubOptions {
  /** A branch, a tag or a commit. Defaults to `main`. */
  readonly revision?: string;
  /** For models that are not public. Defaults to the environment's `HF_TOKEN`. */
  readonly token?: string;
  /** Defaults to what `HF_HUB_CACHE`, `HF_HOME` or `XDG_CACHE_HOME` say, as for Hugging Face's own programs. */
  readonly cacheDir?: string;
  /** Defaults to `HF_ENDPOINT`, else https://huggingface.co. */
  readonly endpoint?: string;
  /** Whether only what is in the cache is used. Defaults to what `HF_HUB_OFFLINE` says. */
  readonly offline?: boolean;
  readonly onProgress?: (progress: DownloadProgress) => void;
}

/** The options with what the environment says. */
export interface HubSettings {
  readonly revision: string;
  readonly token: string | undefined;
  readonly cacheDir: string | undefined;
  readonly endpoint: string;
  readonly offline: boolean;
  readonly onProgress: (progress: DownloadProgress) => void;
}

export function hubSettings(options: HubOptions): HubSettings {
  const { env } = process;
  const isOn = (value: string | undefined): boolean => /^(1|true|yes|on)$/i.test(value ?? '');
  return {
    revision: options.revision ?? 'main',
    token: options.token ?? (env.HF_TOKEN || undefined),
    cacheDir: options.cacheDir,
    endpoint: (options.endpoint ?? (env.HF_ENDPOINT || 'https://huggingface.co')).replace(
      /\/+$/,
      '',
    ),
    offline: options.offline ?? isOn(env.HF_HUB_OFFLINE),
    onProgress: options.onProgress ?? (() => {}),
  };
}
