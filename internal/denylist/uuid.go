package denylist

import "encoding/binary"

const uuidLength = 36

// packUUID packs a UUID in the one form that formatUUID gives back: lower-case
// digits in groups of 8-4-4-4-12. Ids are opaque: any other spelling is
// another id, and stays text.
func packUUID(id string) (high, low uint64, ok bool) {
	if len(id) != uuidLength || id[8] != '-' || id[13] != '-' || id[18] != '-' || id[23] != '-' {
		return 0, 0, false
	}
	bad := byte(0)
	digits := func(from, to int) (v uint64) {
		for _, c := range []byte(id[from:to]) {
			d := hexDigit[c]
			bad |= d
			v = v<<4 | uint64(d&15)
		}
		return v
	}
	high = digits(0, 8)<<32 | digits(9, 13)<<16 | digits(14, 18)
	low = digits(19, 23)<<48 | digits(24, 36)
	return high, low, bad < 16
}

// hexDigit is the value of each lower-case hexadecimal digit, 255 for any
// other byte.
var hexDigit = func() (t [256]byte) {
	for c := range t {
		t[c] = 255
	}
	for v, c := range []byte("0123456789abcdef") {
		t[c] = byte(v)
	}
	return t
}()

// hexPair is two digits for each byte.
var hexPair = func() (t [256][2]byte) {
	const digits = "0123456789abcdef"
	for b := range t {
		t[b] = [2]byte{digits[b>>4], digits[b&15]}
	}
	return t
}()

func formatUUID(high, low uint64) (text [uuidLength]byte) {
	var raw [16]byte
	binary.BigEndian.PutUint64(raw[:8], high)
	binary.BigEndian.PutUint64(raw[8:], low)
	at := 0
	for i, b := range raw {
		if i == 4 || i == 6 || i == 8 || i == 10 {
			text[at] = '-'
			at++
		}
		text[at], text[at+1] = hexPair[b][0], hexPair[b][1]
		at += 2
	}
	return text
}
