// A service that keeps aws-jwt-verify, which knows no revocation, and asks the
// gate about the claims that it has verified.
//
//   CHECK_SOCKET=/run/revoked/check.sock POOL_ID=eu-west-1_AbC123 CLIENT_ID=... PORT=8000 node orders.mjs
//
// JWKS_FILE, if set, has the pool's keys; without it they are fetched.

import { readFileSync } from "node:fs";
import http from "node:http";
import { CognitoJwtVerifier } from "aws-jwt-verify";

const { CHECK_SOCKET, POOL_ID, CLIENT_ID, JWKS_FILE, PORT = "0" } = process.env;

const verifier = CognitoJwtVerifier.create({ userPoolId: POOL_ID, clientId: CLIENT_ID, tokenUse: "access" });
if (JWKS_FILE) verifier.cacheJwks(JSON.parse(readFileSync(JWKS_FILE, "utf8")));

const agent = new http.Agent({ keepAlive: true, maxSockets: 16 });

// check asks POST /v1/check; it rejects if there is no answer within two seconds.
function check(question) {
  return new Promise((resolve, reject) => {
    const body = JSON.stringify(question);
    const req = http.request(
      {
        socketPath: CHECK_SOCKET, agent, method: "POST", path: "/v1/check",
        headers: { "Content-Type": "application/json", "Content-Length": Buffer.byteLength(body) },
        signal: AbortSignal.timeout(2000),
      },
      (res) => {
        let text = "";
        res.setEncoding("utf8");
        res.on("data", (chunk) => (text += chunk));
        res.on("error", reject);
        res.on("end", () => {
          if (res.statusCode !== 200) return reject(new Error(`the gate answers ${res.statusCode}`));
          try {
            resolve(JSON.parse(text));
          } catch (err) {
            reject(err);
          }
        });
      },
    );
    req.on("error", reject);
    req.end(body);
  });
}

// The stale policy of this service: reading the catalog is worth a session that
// was revoked a moment ago; nothing else is.
const mayServeStale = (method, path) =>
  ["GET", "HEAD"].includes(method) && (path === "/catalog" || path.startsWith("/catalog/"));

// What each path needs.
const scopeOf = (path) => (path.startsWith("/orders") ? "orders/read" : undefined);

// decide returns the status for a request (200: serve it) and the claims.
async function decide(req) {
  const path = new URL(req.url, "http://orders").pathname;
  const [, token] = /^Bearer +(\S+)$/i.exec(req.headers.authorization ?? "") ?? [];
  if (!token) return [401];
  let claims;
  try {
    claims = await verifier.verify(token);
  } catch {
    return [401]; // forged, expired, of another client
  }
  const scope = scopeOf(path);
  if (scope && !(claims.scope ?? "").split(" ").includes(scope)) return [403];
  let answer;
  try {
    answer = await check({ claims });
  } catch (err) {
    console.error("gate:", err.message);
    // A gate that does not answer may know that the session is revoked.
    return [503];
  }
  if (answer.allow) return [200, claims];
  if (answer.reason === "stale") return mayServeStale(req.method, path) ? [200, claims] : [503];
  return [401]; // revoked, or not what the gate expects
}

const server = http.createServer(async (req, res) => {
  const [status, claims] = await decide(req);
  const headers = { "Content-Type": "application/json" };
  if (status === 401) headers["WWW-Authenticate"] = 'Bearer realm="orders"';
  if (status === 503) headers["Retry-After"] = "5";
  res.writeHead(status, headers);
  res.end(JSON.stringify(claims ? { hello: claims.sub } : {}));
});
server.listen(Number(PORT), "127.0.0.1", () => console.log(`http://127.0.0.1:${server.address().port}`));
