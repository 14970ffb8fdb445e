// A Lambda authorizer for an HTTP API of API Gateway (REQUEST, payload 2.0,
// simple responses) that asks a gate in the same VPC.
//
// The authorizer's cache must be off (AuthorizerResultTtlInSeconds: 0):
// API Gateway would go on answering from it for as long after a revocation.
//
//   CHECK_URL=http://gate.internal:9012/v1/check

const refused = { isAuthorized: false };

export async function handler(event) {
  const [, token] = /^Bearer +(\S+)$/i.exec(event.headers?.authorization ?? "") ?? [];
  if (!token) return refused;
  const res = await fetch(process.env.CHECK_URL, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ token, method: event.requestContext.http.method, path: event.rawPath }),
    signal: AbortSignal.timeout(2000),
  });
  // Throwing makes API Gateway answer 500, and not cache it.
  if (!res.ok) throw new Error(`the gate answers ${res.status}`);
  const answer = await res.json();
  if (answer.reason === "no_keys" || (answer.reason === "stale" && !answer.allow)) throw new Error(`the gate can't tell: ${answer.reason}`);
  if (!answer.allow) return refused;
  return { isAuthorized: true, context: { sub: answer.token?.sub ?? "", client: answer.token?.client_id ?? "" } };
}
