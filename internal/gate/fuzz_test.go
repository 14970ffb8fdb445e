package gate

import (
	"bytes"
	"testing"
)

// FuzzReadCheck looks for a body that is neither refused nor a question that
// can be answered.
func FuzzReadCheck(f *testing.F) {
	for _, seed := range []string{
		`{"token":"a.b.c"}`, `{"token":"x","method":"GET","path":"/"}`, `{"token":"x","scopes":["a"]}`, `{"claims":{"sub":"x"}}`,
		`{"checks":[{"token":"x"},{"claims":{}}]}`, `{"checks":[{"checks":[]}]}`, `{"checks":[]}`, `{}`, `null`, `{"token":"x"}{}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		req, err := readCheck(bytes.NewReader(body))
		if err != nil {
			return
		}
		questions := []checkRequest{req}
		if req.Checks != nil {
			if questions = req.Checks; req.asks() || req.Claims != nil {
				t.Fatalf("%q is a batch and a question", body)
			}
		}
		for _, q := range questions {
			if (q.Token == "") == (q.Claims == nil) || q.Checks != nil {
				t.Fatalf("%q has a question about no token, or about two", body)
			}
		}
	})
}
