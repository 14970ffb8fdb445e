package tasks

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"

	"github.com/seed-4e8dee1b/revoked/revocation"
)

// Keys seal refresh tokens at rest. The first one seals, all of them open, so
// that a key is replaced in three steps: add the new one at the end, put it
// first, remove the old one once no task is left that it sealed (a day after
// the last legs to Cognito are done). Keys are immutable; the zero value has
// none and is refused by [Open].
type Keys struct{ list []key }

type key struct {
	id   string // a hash of the key; it tells keys apart and nothing else
	aead cipher.AEAD
}

// keySize is that of AES-256.
const keySize = 32

// ParseKeys reads keys of 64 hexadecimal digits each, separated by commas or
// white space. No error repeats any of the text.
func ParseKeys(text string) (Keys, error) {
	var keys Keys
	split := func(c rune) bool { return strings.ContainsRune(", \t\r\n", c) }
	for i, field := range strings.FieldsFunc(text, split) {
		raw, err := hex.DecodeString(field)
		if err != nil || len(raw) != keySize {
			return Keys{}, fmt.Errorf("tasks: seal key %d is not %d hexadecimal digits", i+1, 2*keySize)
		}
		k, err := newKey(raw)
		if err != nil {
			return Keys{}, err
		}
		for _, other := range keys.list {
			if other.id == k.id {
				return Keys{}, fmt.Errorf("tasks: seal key %d is there twice", i+1)
			}
		}
		keys.list = append(keys.list, k)
	}
	if len(keys.list) == 0 {
		return Keys{}, errors.New("tasks: no seal key is given")
	}
	return keys, nil
}

// RandomKeys returns one key that nobody else has. What it seals can't be
// opened by another replica, or after a restart.
func RandomKeys() Keys {
	raw := make([]byte, keySize)
	rand.Read(raw) // it never fails
	k, err := newKey(raw)
	if err != nil {
		panic(err) // of a size that is right
	}
	return Keys{list: []key{k}}
}

func newKey(raw []byte) (key, error) {
	block, err := aes.NewCipher(raw)
	if err != nil {
		return key{}, fmt.Errorf("tasks: %w", err)
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		return key{}, fmt.Errorf("tasks: %w", err)
	}
	sum := sha256.Sum256(append([]byte("revoked seal key id\x00"), raw...))
	return key{id: hex.EncodeToString(sum[:8]), aead: aead}, nil
}

// binding is what a sealed text belongs to: put into another task, or under
// another client, it does not open.
type binding struct {
	act    revocation.ActID
	pool   string
	client string
}

// data is the additional data of the AEAD. Lengths in front of the parts keep
// two bindings from having the same data.
func (b binding) data(keyID string) []byte {
	var d []byte
	for _, part := range []string{"revoked task 1", b.act.String(), b.pool, b.client, keyID} {
		d = binary.BigEndian.AppendUint32(d, uint32(len(part)))
		d = append(d, part...)
	}
	return d
}

// seal encrypts by the first key, with a fresh nonce in front.
func (k Keys) seal(b binding, text []byte) (keyID string, sealed []byte) {
	first := k.list[0]
	nonce := make([]byte, first.aead.NonceSize())
	rand.Read(nonce) // it never fails
	return first.id, first.aead.Seal(nonce, nonce, text, b.data(first.id))
}

var (
	errNoKey  = errors.New("tasks: none of the seal keys is the one that sealed it")
	errBroken = errors.New("tasks: what was sealed is broken, or belongs to another task")
)

// open decrypts what seal made by any of the keys.
func (k Keys) open(b binding, keyID string, sealed []byte) ([]byte, error) {
	for _, key := range k.list {
		if key.id != keyID {
			continue
		}
		size := key.aead.NonceSize()
		if len(sealed) < size {
			return nil, errBroken
		}
		text, err := key.aead.Open(nil, sealed[:size], sealed[size:], b.data(keyID))
		if err != nil {
			return nil, errBroken
		}
		return text, nil
	}
	return nil, errNoKey
}
