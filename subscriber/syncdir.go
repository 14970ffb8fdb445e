//go:build !windows

package subscriber

import (
	"errors"
	"os"
)

// syncDir makes a rename last over a power failure.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
