package denylist

import (
	"encoding/binary"
	"math/bits"
)

const uuidLength = 36

// packUUID packs a UUID in the one form that formatUUID gives back: lower-case
// digits in groups of 8-4-4-4-12. Ids are opaque: any other spelling is
// another id, and stays text.
func packUUID(id string) (high, low uint64, ok bool) {
	if len(id) != uuidLength || id[8] != '-' || id[13] != '-' || id[18] != '-' || id[23] != '-' {
		return 0, 0, false
	}
	a, badA := hex8(word4(id[0:4]), word4(id[4:8]))
	b, badB := hex8(word4(id[9:13]), word4(id[14:18]))
	c, badC := hex8(word4(id[19:23]), word4(id[24:28]))
	d, badD := hex8(word4(id[28:32]), word4(id[32:36]))
	return a<<32 | b, c<<32 | d, badA|badB|badC|badD == 0
}

func word4(s string) uint64 {
	_ = s[3]
	return uint64(s[0]) | uint64(s[1])<<8 | uint64(s[2])<<16 | uint64(s[3])<<24
}

// hex8 reads eight lower-case hexadecimal digits, all at the same time, the
// first in the lowest byte of first. bad is not 0 if one is no such digit.
func hex8(first, second uint64) (v, bad uint64) {
	const each = 0x0101010101010101
	digits := first | second<<32
	letter := digits >> 6 & each // bit 6 tells 'a' from '0'
	nibbles := digits&(15*each) + 9*letter
	above9 := (nibbles + 6*each) >> 4 & each
	bad = nibbles&(0xf0*each) | digits ^ (nibbles + '0'*each + above9*('a'-'0'-10))
	v = bits.ReverseBytes64(nibbles)
	v = (v | v>>4) & 0x00ff00ff00ff00ff
	v = (v | v>>8) & 0x0000ffff0000ffff
	return (v | v>>16) & 0xffffffff, bad
}

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
