//go:build unix && !solaris && !illumos && !aix

package subscriber

import (
	"errors"
	"fmt"
	"os"
	"syscall"
)

// lockFile keeps every other process from using the file until the result is
// closed. The system ends the lock of a process that dies.
func lockFile(path string) (*os.File, error) {
	f, err := os.OpenFile(path+".lock", os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		err = fmt.Errorf("%s is in use by another process: give each its own", path)
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}
