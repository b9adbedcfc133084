export { fileSource, randomAccessFile } from './node/fileSource.ts';
export {
  loadMailQuestions,
  loadPronunciations,
  loadProse,
  loadRestoration,
  loadSpam,
} from './node/loadTask.ts';
export { type HubDataset, openHubDataset } from './node/openHubDataset.ts';
export { type RowsOptions, readRows } from './node/readRows.ts';
