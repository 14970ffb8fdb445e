package reference

import "testing"

func TestWords(t *testing.T) {
	tests := []struct{ text, want string }{
		{"set REVOKED_URL or --url to http://127.0.0.1:8081", "set `REVOKED_URL` or `--url` to `http://127.0.0.1:8081`"},
		{"a|b <c> *d*", `a\|b \<c> \*d\*`},
		{"the `code|here` stays, origin_jti too", "the `code\\|here` stays, `origin_jti` too"},
		{"/v1/explain and/or (api_keys)", "`/v1/explain` and/or (`api_keys`)"},
	}
	for _, tt := range tests {
		if got := words(tt.text); got != tt.want {
			t.Errorf("words(%q) = %q, want %q", tt.text, got, tt.want)
		}
	}
}
