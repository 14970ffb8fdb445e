#!/usr/bin/env bash
# Writes docs/revokectl.md to standard output: what its commands print when they
# are run against revoked-dev, with the times that they took. The commands are
# those of the help and of docs/api.md. Needs bin/ (make build) and curl.
set -euo pipefail
cd "$(dirname "$0")/../.."
export PATH="$PWD/bin:$PATH"
work=$(mktemp -d)
cleanup() {
	kill "$stack" 2>/dev/null || true
	wait "$stack" 2>/dev/null || true
	rm -rf "$work"
}
revoked-dev run >"$work/dev" 2>"$work/log" &
stack=$!
trap cleanup EXIT
for _ in $(seq 300); do
	grep -q 'revokectl list' "$work/dev" && break
	sleep 0.1
done
cognito=$(awk '/Cognito emulator/ { print $3 }' "$work/dev")
node=$(awk '/API node 1/ { print $4 }' "$work/dev")
pool=$(sed -n 's/.*user pool \([^,]*\),.*/\1/p' "$work/dev")
client=$(sed -n 's/.*client \(demoapp[a-z0-9]*\).*/\1/p' "$work/dev")
password=$(sed -n 's/.*password \(.*\)/\1/p' "$work/dev")
eval "$(grep -o 'export REVOKED_URL=.*' "$work/dev")"
cd "$work"

now() { date +%s%3N; }
# signin USER FILE: an access token, as revoked-dev prints how to get one.
signin() {
	curl -s "$cognito/" -H 'Content-Type: application/x-amz-json-1.1' \
		-H 'X-Amz-Target: AWSCognitoIdentityProviderService.InitiateAuth' \
		-d '{"AuthFlow":"USER_PASSWORD_AUTH","ClientId":"'"$client"'","AuthParameters":{"USERNAME":"'"$1"'","PASSWORD":"'"$password"'"}}' |
		sed 's/.*"AccessToken":"\([^"]*\)".*/\1/' >"$2"
}
claim() { revokectl explain --token-file "$1" | awk -v c="$2" '$1 == c { print $2 }'; }
ask() { curl -s -o /dev/null -w '%{http_code}' "$node/" -H "Authorization: Bearer $(cat "$1")"; }
say() { printf '\n%s\n\n' "$1"; }
# show COMMAND...: the command, what it prints, its exit code and its time.
show() {
	local began code=0
	printf '```console\n$ %s\n' "$*"
	began=$(now)
	eval "$*" 2>&1 || code=$?
	printf '# exit code %d, %d ms\n```\n\n' "$code" $(($(now) - began))
}
# refused FILE BEGAN: how long until the node refuses.
refused() {
	until [ "$(ask "$1")" = 401 ]; do sleep 0.002; done
	printf '\nAn API node answers 401 to it, %d ms after the command was begun (start of the program and of curl included).\n' $(($(now) - $2))
}
demo() { # FILE COMMAND...
	local file=$1 began
	shift
	[ "$(ask "$file")" = 200 ] || { echo "the node does not accept $file" >&2; exit 1; }
	began=$(now)
	show "$@"
	refused "$file" "$began"
}

cat <<'TEXT'
# revokectl, shown

Made by `make transcript`, which runs every command of this page against `revoked-dev run` and writes down what is printed. Times are of one run on 2 shared cores.

`revoked-dev run` prints the address and the key:

```sh
export REVOKED_URL=http://127.0.0.1:8081 REVOKED_API_KEY=...
```

Tokens come from a file or from standard input, never from the command line. In production the key is in a file: `REVOKED_API_KEY_FILE`.

## Every kind
TEXT
signin grace token.jwt
jti=$(claim token.jwt jti)
say "One token, by its \`jti\`:"
demo token.jwt "revokectl revoke token $jti --reason 'in a bug report'"

signin grace session.jwt
say "A session, named by one of its tokens. Cognito is not told, for nobody has the refresh token:"
demo session.jwt "revokectl revoke session --token-stdin < session.jwt"

signin grace user.jwt
sub=$(claim user.jwt sub)
say "A user. Cognito signs them out too:"
demo user.jwt "revokectl revoke user $sub --reason 'laptop stolen' --once incident-42"

say "A device, by its \`device_key\`:"
show "revokectl revoke device eu-west-1_a1b2c3d4-5678-90ab-cdef-EXAMPLE11111 --basis session"

signin ada group.jwt
say "A group. Whoever refreshes gets a token that is accepted, which is what a changed group wants. Wide kinds ask at a terminal, and need \`--yes\` elsewhere:"
show "revokectl revoke group admins < /dev/null"
demo group.jwt "revokectl revoke group admins --reason 'role was too wide' --yes"
sleep 2.1
signin ada again.jwt
printf '\nA token issued two seconds later: %s.\n' "$(ask again.jwt)"

say "An app client; with \`--basis session\` only new sign-ins are accepted:"
demo again.jwt "revokectl revoke client $client --basis session --reason 'secret leaked' --yes"
sleep 2.1
signin ada pool.jwt
say "A whole pool:"
demo pool.jwt "revokectl revoke pool $pool --yes"

cat <<'TEXT'

## Many at once
TEXT
for i in 1 2 3; do printf '{"kind":"user","id":"former-employee-%d","cognito":"skip"}\n' "$i"; done >leavers.ndjson
echo '{"kind":"users","id":"former-employee-4"}' >>leavers.ndjson
say "A file of JSON lines; one line is wrong and stops no other:"
show "cat leavers.ndjson"
show "revokectl revoke --batch leavers.ndjson --once leavers-november"
for i in $(seq 1000); do printf '{"kind":"user","id":"load-%d","cognito":"skip"}\n' "$i"; done >thousand.ndjson
say "A thousand lines:"
show "revokectl revoke --batch thousand.ndjson -o json | wc -l"

cat <<'TEXT'

## Why, and why not
TEXT
say "What nodes do with a token, and why:"
show "revokectl explain --token-file user.jwt"
id=$(revokectl list --kind pool -o json | sed -n 's/.*"id": "\(.*\)",/\1/p')
say "The undo, by id:"
show "revokectl lift $id --reason 'drill is over'"
show "revokectl list --kind pool"

cat <<'TEXT'

## Lists
TEXT
show "revokectl list --kind user --limit 3"
show "revokectl list --id $sub -o json"

cat <<'TEXT'

## Nodes, and proof
TEXT
say "The nodes that follow the stream:"
show "revokectl nodes"
signin grace proof.jwt
say "With \`--wait\` the service asks the nodes to prove, by their own checks, that they enforce the revocation. A replica that has not listened for a lease may not know every node, so it promises nothing yet; the counts are there, and the exit code is 5:"
show "revokectl revoke session --token-file proof.jwt --reason 'with proof' --wait all --timeout 3s"
proven=$(revokectl list --kind session --limit 1 -o json | sed -n 's/.*"id": "\(.*\)",/\1/p')
say "Asked again, until it is proven:"
show "revokectl get $proven --wait all --timeout 2m"
say "A revocation by now:"
signin grace proof.jwt
show "revokectl revoke session --token-file proof.jwt --wait all"

cat <<'TEXT'

## What happens, as it happens
TEXT
say "\`watch\` prints the nodes, and then whatever happens, until it is interrupted; here, a revocation with its receipt, and its undo:"
revokectl watch >watched 2>&1 &
watching=$!
for _ in $(seq 100); do
	[ -s watched ] && break
	sleep 0.1
done
signin ada watched.jwt
revokectl revoke user "$(claim watched.jwt sub)" --reason 'to be seen' --wait all >/dev/null
sleep 2.5
revokectl lift "$(revokectl list --kind user --limit 1 -o json | sed -n 's/.*"id": "\(.*\)",/\1/p')" --reason 'was seen' >/dev/null
sleep 2.5
kill -INT "$watching"
wait "$watching" || true
printf '```console\n$ revokectl watch\n%s\n```\n\n' "$(cat watched)"

cat <<'TEXT'

## Who did what
TEXT
say "The newest entries. What weakens protection is on record before it is done, so a lift is there twice:"
show "revokectl audit --limit 6"
say "Everything, as lines of JSON:"
show "revokectl audit --export | tail -n 1"

cat <<'TEXT'

## The doctor
TEXT
say "Everything that the service depends on. \`revoked-dev\` is one server on one disk and not configured for production, and is told so:"
show "revokectl doctor"
printf '{"pool":"%s","client_id":"%s","username":"grace","password":"%s","endpoint":"%s"}\n' "$pool" "$client" "$password" "$cognito" >test-user.json
say "What Cognito does not document, asked of a pool in the name of a test user (here the emulator, which knows no better than its sources; a real pool is what this is for):"
show "revokectl doctor --real-pool test-user.json"

cat <<'TEXT'

## Keys, and what goes wrong
TEXT
say "A key for a program (the service gets the entry, in \`api_keys\`):"
show "revokectl key new --id ci --role operator | sed 's/rvk_[A-Z2-7]*/rvk_.../; s/sha256: [0-9a-f]*/sha256: .../'"
say "Not found is 3, a wrong key is 4, wrong usage is 2:"
show "revokectl get 000102030405060708090a0b0c0d0e0f"
show "REVOKED_API_KEY=wrong revokectl list"
show "revokectl revoke users x"
