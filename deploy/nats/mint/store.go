package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/nats-io/nkeys"
)

// store is the directory of keys and of what is made of them.
type store struct {
	dir string
	out io.Writer
}

func openStore(dir string, out io.Writer) (store, error) {
	if err := os.MkdirAll(filepath.Join(dir, "keys"), 0o700); err != nil {
		return store{}, err
	}
	return store{dir: dir, out: out}, nil
}

// key returns the key pair of that name, and makes one if there is none.
func (s store) key(name string, kind nkeys.PrefixByte) (nkeys.KeyPair, error) {
	path := filepath.Join(s.dir, "keys", name+".nk")
	seed, err := os.ReadFile(path)
	if err == nil {
		pair, err := nkeys.FromSeed(seed)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		return pair, nil
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	pair, err := nkeys.CreatePair(kind)
	if err != nil {
		return nil, err
	}
	if seed, err = pair.Seed(); err != nil {
		return nil, err
	}
	return pair, s.write(filepath.Join("keys", name+".nk"), seed, 0o600)
}

// existing returns a key pair that must be there already.
func (s store) existing(name string) (nkeys.KeyPair, error) {
	path := filepath.Join(s.dir, "keys", name+".nk")
	seed, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("%w: run \"mint jwt\" first", err)
	}
	return nkeys.FromSeed(seed)
}

// write replaces a file in one step, so that a server never reads half of it.
func (s store) write(name string, data []byte, mode fs.FileMode) error {
	path := filepath.Join(s.dir, name)
	temp, err := os.CreateTemp(filepath.Dir(path), ".mint-")
	if err != nil {
		return err
	}
	defer os.Remove(temp.Name()) // fails once it is renamed
	_, err = temp.Write(data)
	err = errors.Join(err, temp.Chmod(mode), temp.Close())
	if err == nil {
		err = os.Rename(temp.Name(), path)
	}
	if err == nil {
		fmt.Fprintln(s.out, path)
	}
	return err
}
