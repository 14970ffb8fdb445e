package subscriber

import (
	"errors"
	"fmt"
	"os"
	"syscall"
)

// errSharing is ERROR_SHARING_VIOLATION: somebody has the file open.
const errSharing = syscall.Errno(32)

// lockFile keeps every other process from using the file until the result is
// closed. The system ends the lock of a process that dies.
func lockFile(path string) (*os.File, error) {
	name, err := syscall.UTF16PtrFromString(path + ".lock")
	if err != nil {
		return nil, err
	}
	// A share mode of zero: nobody else can open it.
	h, err := syscall.CreateFile(name, syscall.GENERIC_READ|syscall.GENERIC_WRITE, 0, nil,
		syscall.OPEN_ALWAYS, syscall.FILE_ATTRIBUTE_NORMAL, 0)
	if errors.Is(err, errSharing) {
		return nil, fmt.Errorf("%s is in use by another process: give each its own", path)
	}
	if err != nil {
		return nil, &os.PathError{Op: "open", Path: path + ".lock", Err: err}
	}
	return os.NewFile(uintptr(h), path+".lock"), nil
}
