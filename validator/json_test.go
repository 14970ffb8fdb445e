package validator

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"reflect"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestParseObjectRefuses(t *testing.T) {
	nest := func(n int) string { return strings.Repeat(`{"a":`, n) + "1" + strings.Repeat("}", n) }
	for _, test := range []struct {
		text string
		want error // nil: accepted
	}{
		{`{}`, nil}, {`{ }`, nil}, {`{  }`, nil}, {`{"a":[ ]}`, nil}, {`{"a":"\n x"}`, nil}, {`{ "a":1 , "b":2 }`, nil},
		{nest(maxDepth), nil},
		{nest(maxDepth + 1), errDepth},
		{`{"a":` + strings.Repeat("[", maxDepth) + strings.Repeat("]", maxDepth) + `}`, errDepth},
		{`{"a":1,"a":1}`, errDuplicate},
		{`{"":1,"":2}`, errDuplicate},
		{`{"é":1,"\u00e9":2}`, errDuplicate},
		{`{"x":{"a":1},"y":{"a":1}}`, nil},
		{`{"a":1,"A":1}`, nil},
		{``, errJSON}, {` `, errJSON}, {`{`, errJSON}, {`[]`, errJSON}, {`null`, errJSON}, {`{}}`, errJSON}, {`{} {}`, errJSON},
		{"{}\x00", errJSON}, {"\ufeff{}", errJSON}, {"{}\u00a0", errJSON}, {"{\v}", errJSON},
		{`{a:1}`, errJSON}, {`{'a':1}`, errJSON}, {`{"a"}`, errJSON}, {`{"\x":1}`, errJSON}, {"{\"\n:1}", errJSON}, {`{"a":"\u1"}`, errJSON}, {`{"a":}`, errJSON}, {`{"a" 1}`, errJSON}, {`{"a":1,}`, errJSON},
		{`{,}`, errJSON}, {`{"a":1 "b":2}`, errJSON}, {`{"a":1/**/}`, errJSON},
		{`{"a":[1,]}`, errJSON}, {`{"a":[,1]}`, errJSON}, {`{"a":[1 2]}`, errJSON}, {`{"a":[1}`, errJSON}, {`{"a":[`, errJSON},
		{`{"a":01}`, errJSON}, {`{"a":-}`, errJSON}, {`{"a":+1}`, errJSON}, {`{"a":.5}`, errJSON}, {`{"a":1.}`, errJSON}, {`{"a":1e}`, errJSON},
		{`{"a":1e+}`, errJSON}, {`{"a":1e+-1}`, errJSON}, {`{"a":-01}`, errJSON}, {`{"a":NaN}`, errJSON}, {`{"a":Infinity}`, errJSON}, {`{"a":0x1}`, errJSON},
		{`{"a":tru}`, errJSON}, {`{"a":True}`, errJSON}, {`{"a":nul`, errJSON}, {`{"a":truex}`, errJSON},
		{`{"a":"`, errJSON}, {`{"a":"x`, errJSON}, {"{\"a\":\"\n\"}", errJSON}, {"{\"a\":\"\\n\x1f\"}", errJSON}, {`{"a":"\`, errJSON}, {`{"a":"\x"}`, errJSON},
		{`{"a":"\u12"}`, errJSON}, {`{"a":"\u12g4"}`, errJSON}, {`{"a":"\u+123"}`, errJSON}, {`{"a":"\ud800"}`, errJSON}, {`{"a":"\ud800\n"}`, errJSON},
		{`{"a":"\ud800\u0041"}`, errJSON}, {`{"a":"\udc00\ud800"}`, errJSON}, {`{"a":"\ud800\u`, errJSON}, {`{"a":"\n`, errJSON},
		{"{\"a\":\"\xff\"}", errJSON}, {"{\"\xc0\x80\":1}", errJSON}, {"{\"a\":\"\xed\xa0\x80\"}", errJSON},
	} {
		// Clipped, so that reading beyond the end panics.
		object, err := parseObject(slices.Clip([]byte(test.text)))
		if !errors.Is(err, test.want) || (err == nil) != (test.want == nil) || (object == nil) != (err != nil) {
			t.Errorf("parseObject(%.60q) = %v, %v, want error %v", test.text, object, err, test.want)
		}
		if err == nil && !json.Valid([]byte(test.text)) {
			t.Errorf("parseObject(%.60q) accepts what is not JSON", test.text)
		}
	}
}

// FuzzParseObject compares with encoding/json, which accepts everything that
// parseObject accepts and reads the same from it; what it accepts beyond that
// must be one of the documented differences.
func FuzzParseObject(f *testing.F) {
	for _, seed := range []string{
		`{"alg":"RS256","kid":"a"}`, ` { "a" : [ 1 , -0.5e+3 , "x\"\\\/\b\f\n\r\t\u00e9\ud83d\ude00" , null , true , false , { } ] } `,
		`{"a":1,"a":2}`, `{"a":"\ud800"}`, "{\"a\":\"\xff\"}", "{\"a\":\"\xff\",\"a\":\"\"}", `{"a":"\ud800","a":""}`, `{} x`, `[]`, `{"a":01}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		before := bytes.Clone(data)
		object, err := parseObject(data)
		if !bytes.Equal(before, data) {
			t.Fatal("the input was changed")
		}
		decoder := json.NewDecoder(bytes.NewReader(data))
		decoder.UseNumber()
		var reference map[string]any
		referenceErr := decoder.Decode(&reference)
		if referenceErr == nil {
			if _, more := decoder.Token(); more != io.EOF {
				referenceErr = errors.New("trailing data")
			}
		}
		if err != nil {
			if object != nil {
				t.Fatalf("object %v beside error %v", object, err)
			}
			// Text that encoding/json has replaced is why we refuse, also where a
			// later duplicate hides it from its result.
			if again, merr := json.Marshal(reference); errors.Is(err, errJSON) && referenceErr == nil && reference != nil && merr == nil && !replaces(data) {
				t.Fatalf("refused, but encoding/json reads %s", again)
			}
			return
		}
		if referenceErr != nil || !reflect.DeepEqual(object, reference) {
			t.Fatalf("read %v, encoding/json: %v, %v", object, reference, referenceErr)
		}
	})
}

// replaces reports whether encoding/json reads U+FFFD anywhere in data, which it
// puts in the place of what is not UTF-8 and of lone surrogates.
func replaces(data []byte) bool {
	decoder := json.NewDecoder(bytes.NewReader(data))
	for {
		tok, err := decoder.Token()
		if err != nil {
			return false
		}
		if text, ok := tok.(string); ok && strings.ContainsRune(text, utf8.RuneError) {
			return true
		}
	}
}

// FuzzToken feeds whole tokens to the two steps that see unverified bytes.
func FuzzToken(f *testing.F) {
	f.Add("eyJhbGciOiJSUzI1NiIsImtpZCI6ImEifQ.e30.AA")
	f.Add("eyJhbGciOiJSUzI1NiIsImtpZCI6ImEifQ.e30.AB")
	f.Add("eyJhbGciOiJub25lIn0.e30.")
	f.Add("a.b.c.d")
	f.Add("..")
	f.Fuzz(func(t *testing.T, token string) {
		p, err := split(token)
		if err != nil {
			if p.signed != "" || p.header != nil || p.payload != nil || p.signature != nil {
				t.Fatalf("parts %+v beside error %v", p, err)
			}
			return
		}
		// Identity: exactly one spelling yields these parts.
		spelled := strictBase64.EncodeToString(p.header) + "." + strictBase64.EncodeToString(p.payload)
		if spelled != p.signed || spelled+"."+strictBase64.EncodeToString(p.signature) != token {
			t.Fatalf("%q is another spelling of %q", token, spelled)
		}
		if kid, err := parseHeader(p.header); (kid == "") != (err != nil) {
			t.Fatalf("kid %q beside error %v", kid, err)
		}
	})
}

// FuzzClaims reads any claims of a token whose signature is right.
func FuzzClaims(f *testing.F) {
	f.Add([]byte(`{"iss":"https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_A","sub":"u","token_use":"access","client_id":"c","iat":1,"exp":2,"nbf":3,"scope":"a b"}`))
	f.Add([]byte(`{"sub":1,"token_use":"id","aud":["x"],"iat":1e9,"exp":"2"}`))
	v := &Validator{}
	owner := &pool{uses: []TokenUse{AccessToken, IDToken}}
	f.Fuzz(func(t *testing.T, data []byte) {
		claims, err := parseObject(data)
		if err != nil {
			return
		}
		tok, err := v.readClaims(claims, owner)
		if (tok == nil) != (err != nil) {
			t.Fatalf("token %v beside error %v", tok, err)
		}
		if err == nil && (tok.token.ExpiresAt <= 0 || tok.token.IssuedAt <= 0 || tok.token.Subject == "" || tok.notBefore < 0) {
			t.Fatalf("accepted %+v", tok)
		}
	})
}
