// Packages import downwards only. Each line names all that a package may import of the others.
const mayImport = {
  'tensor-core': [],
  nn: ['tensor-core'],
  onnx: ['tensor-core', 'nn'],
  'peft-lora': ['tensor-core', 'nn'],
  'model-zoo': ['tensor-core', 'nn'],
  laws: ['tensor-core', 'nn', 'peft-lora'],
  train: ['tensor-core', 'nn', 'peft-lora', 'model-zoo'],
};

const direction = Object.entries(mayImport).map(([name, allowed]) => ({
  name: `${name}-imports-downwards`,
  comment: `${name} may import ${allowed.join(', ') || 'no other package'}`,
  severity: 'error',
  from: { path: `^packages/${name}/src/` },
  to: { path: '^packages/', pathNot: `^packages/(${[name, ...allowed].join('|')})/` },
}));

/** @type {import('dependency-cruiser').IConfiguration} */
module.exports = {
  forbidden: [
    ...direction,
    {
      name: 'no-cycles',
      comment:
        'only the rules of ops may need each other: the derivative of sum is broadcastTo, and the other way round',
      severity: 'error',
      from: { pathNot: '^packages/tensor-core/src/' },
      to: { circular: true },
    },
    {
      name: 'no-cycles-outside-ops',
      severity: 'error',
      from: { path: '^packages/tensor-core/src/' },
      to: {
        circular: true,
        // Types may need each other: a tensor has a source, a source has an op, an op takes tensors.
        viaOnly: { pathNot: '^packages/tensor-core/src/ops/', dependencyTypesNot: ['type-only'] },
      },
    },
    {
      name: 'no-unresolved',
      severity: 'error',
      from: {},
      to: { couldNotResolve: true },
    },
    {
      name: 'sources-import-no-tests',
      severity: 'error',
      from: { path: '^(packages|examples)/[^/]+/src/' },
      to: { path: '/test/' },
    },
    {
      name: 'sources-import-dependencies-only',
      comment:
        'what a source imports stands in the dependencies, or peers, of its own package.json',
      severity: 'error',
      from: { path: '^packages/[^/]+/src/' },
      to: {
        dependencyTypes: ['npm-dev', 'npm-no-pkg', 'npm-unknown'],
        dependencyTypesNot: ['type-only', 'npm-peer'],
      },
    },
    {
      name: 'browser-safe',
      comment: 'only node.ts files, folders of that name and the command line may use Node',
      severity: 'error',
      from: { path: '^packages/(?!cli/)[^/]+/src/', pathNot: '/node(\\.ts$|/)' },
      to: { dependencyTypes: ['core'] },
    },
    {
      name: 'node-entries-stay-apart',
      comment: 'what is browser-safe must not reach Node through a node.ts',
      severity: 'error',
      from: { path: '^packages/(?!cli/)[^/]+/src/', pathNot: '/node(\\.ts$|/)' },
      to: { path: '/node(\\.ts$|/)' },
    },
    {
      name: 'no-utils',
      comment: 'a helper lives beside its only user or becomes a named concept',
      severity: 'error',
      from: { path: '/(utils?|helpers?|misc)\\.(ts|mjs)$' },
      to: {},
    },
  ],
  options: {
    doNotFollow: { path: ['node_modules', '/dist/'] },
    exclude: { path: '/dist/|/tsup\\.config' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.base.json' },
    enhancedResolveOptions: {
      conditionNames: ['lorikeet-source', 'import', 'types', 'default'],
      exportsFields: ['exports'],
    },
  },
};
