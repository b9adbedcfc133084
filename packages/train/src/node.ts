/** What a run of training keeps in files, in Node. */
export { type CheckpointFolderOptions, checkpointFolder } from './node/checkpointFolder.ts';
export { jsonlLog } from './node/jsonlLog.ts';
