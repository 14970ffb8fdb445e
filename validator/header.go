package validator

import (
	"encoding/base64"
	"strings"
)

// strictBase64 refuses padding and, unlike the default, the further spellings
// that arise from unused bits of the last character: a 2048-bit signature has
// 15 of them.
var strictBase64 = base64.RawURLEncoding.Strict()

// parts is a token cut into its parts (RFC 7515, section 7.1).
type parts struct {
	signed                     string // header and payload as they were signed
	header, payload, signature []byte // decoded
}

// split cuts a token into exactly three parts. Compact
// serialization only: the JSON serializations of RFC 7515 contain characters
// that no part has.
func split(token string) (parts, error) {
	header, rest, _ := strings.Cut(token, ".")
	payload, signature, _ := strings.Cut(rest, ".")
	p := parts{signed: token[:max(0, len(token)-len(signature)-1)]}
	var ok [3]bool
	p.header, ok[0] = decodePart(header)
	p.payload, ok[1] = decodePart(payload)
	p.signature, ok[2] = decodePart(signature)
	if ok != [3]bool{true, true, true} {
		return parts{}, refuse(ReasonMalformed, "not three parts of base64url without padding")
	}
	return p, nil
}

// decodePart decodes one part that is not empty. Package base64 skips line
// breaks, which would be one more way to spell the same token.
func decodePart(part string) ([]byte, bool) {
	if part == "" || strings.ContainsAny(part, "\r\n") {
		return nil, false
	}
	decoded, err := strictBase64.DecodeString(part)
	return decoded, err == nil
}

// parseHeader returns the kid of a header that asks for RS256 and nothing
// else. The names jwk, jku, x5c and x5u, by which a token could bring its own
// key, are ignored (RFC 8725, section 3.10), as is typ: Cognito sends none.
func parseHeader(data []byte) (kid string, err error) {
	header, err := parseObject(data)
	if err != nil {
		return "", refuseFor(ReasonMalformed, err)
	}
	// RFC 8725, section 3.1: never let the token choose the algorithm.
	if alg, _ := header["alg"].(string); alg != "RS256" {
		return "", refuse(ReasonUnsupportedAlg, "alg is not RS256")
	}
	// RFC 7515, section 4.1.11: an extension in crit that is not understood
	// must be refused, and none is. b64 (RFC 7797) belongs there; some
	// libraries honor it alone.
	for _, name := range []string{"crit", "b64"} {
		if _, present := header[name]; present {
			return "", refuse(ReasonUnsupportedAlg, "the header asks for an extension")
		}
	}
	kid, _ = header["kid"].(string)
	if kid == "" {
		return "", refuse(ReasonUnknownKey, "the header has no kid")
	}
	return kid, nil
}
