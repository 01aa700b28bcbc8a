/** Tests in TypeScript over the sources and the real addon. Programs, workers and the package itself: `test/process`. */
export default {
  roots: ['<rootDir>/lib', '<rootDir>/test'],
  testMatch: ['<rootDir>/test/**/*.test.ts'],
  testPathIgnorePatterns: [
    '<rootDir>/test/types/',
    ...(process.env.WARREN_SLOW === '1' ? [] : ['<rootDir>/test/slow/']),
  ],
  testEnvironment: 'node',
  // Two noisy cores that run the other suites as well: a dial may take seconds there.
  testTimeout: 15_000,
  transform: {
    '^.+\\.ts$': [
      '@swc/jest',
      {
        jsc: { parser: { syntax: 'typescript' }, target: 'es2022' },
        module: { type: 'commonjs' },
        sourceMaps: 'inline',
      },
    ],
  },
  moduleNameMapper: {
    '^warren$': '<rootDir>/lib/index.ts',
    '^(\\.{1,2}/.*)\\.js$': '$1',
  },
}
