// Ends with 0 if the service beside it answers within two seconds.

const { HEALTH_PORT = '9000' } = process.env
const answer = await fetch(`http://127.0.0.1:${HEALTH_PORT}/`, { signal: AbortSignal.timeout(2_000) }).catch(
  () => undefined,
)
process.exitCode = answer?.ok ? 0 : 1
