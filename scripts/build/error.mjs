/** A build that failed for a reason told in one line; whatever ran has already printed the rest. */
export class BuildError extends Error {}
