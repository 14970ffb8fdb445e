package denylist

import "testing"

// A packed UUID formats back to the same bytes; every other text is refused,
// whichever byte of it differs.
func TestPackUUID(t *testing.T) {
	const id = "0c4bb5de-3d1c-4ff7-8b4e-d2a1a3bc1f10"
	for at := range len(id) {
		for c := range 256 {
			text := []byte(id)
			text[at] = byte(c)
			dash := id[at] == '-'
			want := dash && c == '-' || !dash && (c >= '0' && c <= '9' || c >= 'a' && c <= 'f')
			high, low, ok := packUUID(string(text))
			if ok != want {
				t.Fatalf("packUUID(%q) = %v, want %v", text, ok, want)
			}
			if back := formatUUID(high, low); ok && string(back[:]) != string(text) {
				t.Fatalf("%q becomes %q", text, back)
			}
		}
	}
	for _, other := range []string{"", id[:35], id + "0", "0c4bb5de3d1c4ff78b4ed2a1a3bc1f10"} {
		if _, _, ok := packUUID(other); ok {
			t.Errorf("packUUID(%q) succeeds", other)
		}
	}
}
