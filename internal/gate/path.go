package gate

import (
	"errors"
	"strings"
	"unicode/utf8"
)

var errAmbiguous = errors.New("ambiguous path")

// cleanPath returns the path of a request target, without query, decoded and
// without a slash at its end ("" for the root).
//
// The gate does not know how the upstream reads a path, so it refuses every
// path that two readers could take for two different ones, instead of guessing
// which rule was meant: dot segments and empty segments, also encoded ones;
// encoded slashes, question marks and number signs; backslashes and
// semicolons (path parameters); encodings of characters that need none
// (RFC 3986, section 2.3) and double encodings; what is no UTF-8, or no
// printable ASCII before decoding.
func cleanPath(target string) (string, error) {
	raw, _, _ := strings.Cut(target, "?")
	if !strings.HasPrefix(raw, "/") {
		return "", errAmbiguous
	}
	path := raw
	if strings.ContainsRune(raw, '%') {
		var err error
		if path, err = decode(raw); err != nil {
			return "", err
		}
	}
	for _, c := range []byte(raw) {
		if c <= ' ' || c > '~' || strings.IndexByte(`\;#"<>^{|}`+"`", c) >= 0 {
			return "", errAmbiguous
		}
	}
	segments := strings.Split(path[1:], "/")
	for i, s := range segments {
		if s == "." || s == ".." || s == "" && i < len(segments)-1 {
			return "", errAmbiguous
		}
	}
	return strings.TrimSuffix(path, "/"), nil
}

// decode undoes percent-encoding that cannot change what a path means.
func decode(raw string) (string, error) {
	var out strings.Builder
	for i := 0; i < len(raw); i++ {
		c := raw[i]
		if c == '%' {
			high, low := -1, -1
			if i+2 < len(raw) {
				high, low = unhex(raw[i+1]), unhex(raw[i+2])
			}
			if high < 0 || low < 0 {
				return "", errAmbiguous
			}
			c = byte(high<<4 | low)
			if c < ' ' || c == 0x7f || unreserved(c) || strings.IndexByte(`/\;?#`, c) >= 0 {
				return "", errAmbiguous
			}
			i += 2
		}
		out.WriteByte(c)
	}
	path := out.String()
	if !utf8.ValidString(path) {
		return "", errAmbiguous
	}
	// "%252e": a second reader would decode again.
	for i := 0; i+2 < len(path); i++ {
		if path[i] == '%' && unhex(path[i+1]) >= 0 && unhex(path[i+2]) >= 0 {
			return "", errAmbiguous
		}
	}
	return path, nil
}

func unhex(c byte) int {
	switch {
	case c >= '0' && c <= '9':
		return int(c - '0')
	case c >= 'a' && c <= 'f':
		return int(c-'a') + 10
	case c >= 'A' && c <= 'F':
		return int(c-'A') + 10
	}
	return -1
}

// unreserved reports whether c is ALPHA / DIGIT / "-" / "." / "_" / "~".
func unreserved(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.IndexByte("-._~", c) >= 0
}
