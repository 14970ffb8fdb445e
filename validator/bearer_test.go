package validator_test

import (
	"regexp"
	"strings"
	"testing"

	"github.com/seed-4e8dee1b/revoked/validator"
)

func TestParseBearer(t *testing.T) {
	const none, many, bad = validator.ReasonNoCredentials, validator.ReasonInvalidRequest, validator.ReasonMalformed
	for _, test := range []struct {
		name   string
		values []string
		token  string
		reason validator.Reason
	}{
		{"usual", []string{"Bearer a.b-c_d"}, "a.b-c_d", validator.ReasonOK},
		{"lower case", []string{"bearer abc"}, "abc", validator.ReasonOK},
		{"upper case", []string{"BEARER abc"}, "abc", validator.ReasonOK},
		{"several blanks", []string{"Bearer   abc"}, "abc", validator.ReasonOK},
		{"whole alphabet", []string{"Bearer azAZ09-._~+/=="}, "azAZ09-._~+/==", validator.ReasonOK},
		{"no header", nil, "", none},
		{"empty", []string{""}, "", none},
		{"another scheme", []string{"Basic abc"}, "", none},
		{"longer scheme", []string{"Bearers abc"}, "", none},
		{"no scheme", []string{"abc"}, "", none},
		{"blank in front", []string{" Bearer abc"}, "", none},
		{"tab after the scheme", []string{"Bearer\tabc"}, "", none},
		{"twice", []string{"Bearer abc", "Bearer abc"}, "", many},
		{"twice, first of another scheme", []string{"Basic abc", "Bearer abc"}, "", many},
		{"twice, second empty", []string{"Bearer abc", ""}, "", many},
		{"scheme only", []string{"Bearer"}, "", bad},
		{"scheme and blank", []string{"Bearer "}, "", bad},
		{"padding only", []string{"Bearer =="}, "", bad},
		{"padding inside", []string{"Bearer a=b"}, "", bad},
		{"blank behind", []string{"Bearer abc "}, "", bad},
		{"two tokens", []string{"Bearer abc def"}, "", bad},
		{"a list", []string{"Bearer abc,Bearer def"}, "", bad},
		{"tab in front", []string{"Bearer \tabc"}, "", bad},
		{"quoted", []string{`Bearer "abc"`}, "", bad},
		{"line break", []string{"Bearer abc\n"}, "", bad},
		{"not ASCII", []string{"Bearer äbc"}, "", bad},
		{"NUL", []string{"Bearer abc\x00"}, "", bad},
	} {
		t.Run(test.name, func(t *testing.T) {
			token, reason := validator.ParseBearer(test.values)
			if token != test.token || reason != test.reason {
				t.Errorf("ParseBearer = %q, %v, want %q, %v", token, reason, test.token, test.reason)
			}
		})
	}
}

// FuzzParseBearer compares with the grammar of RFC 6750, section 2.1.
func FuzzParseBearer(f *testing.F) {
	for _, seed := range []string{"", "Bearer abc", "bearer  a.b.c==", "Basic x", "Bearer", "Bearer a,b", "Bearer a=b"} {
		f.Add(seed)
	}
	grammar := regexp.MustCompile(`^(?i:Bearer) +([A-Za-z0-9\-._~+/]+=*)$`)
	f.Fuzz(func(t *testing.T, value string) {
		token, reason := validator.ParseBearer([]string{value})
		if (token == "") != (reason != validator.ReasonOK) {
			t.Fatalf("token %q beside %v", token, reason)
		}
		want := ""
		if match := grammar.FindStringSubmatch(value); match != nil && !strings.HasSuffix(value, "\n") {
			want = match[1]
		}
		if token != want {
			t.Fatalf("token %q of %q, the grammar says %q", token, value, want)
		}
	})
}
