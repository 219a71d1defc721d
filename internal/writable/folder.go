// Package writable says whether files could be made, without making any.
package writable

import (
	"os"

	"golang.org/x/sys/unix"
)

// Folder returns why this process could not make files of so many bytes in the
// folder at path, nil if it could, as far as rights and free space tell. The
// error is an *os.PathError.
func Folder(path string, bytes uint64) error {
	if err := access(path, unix.W_OK|unix.X_OK); err != nil {
		return &os.PathError{Op: "write to", Path: path, Err: err}
	}
	var fs unix.Statfs_t
	if err := unix.Statfs(path, &fs); err != nil {
		return &os.PathError{Op: "look at the file system of", Path: path, Err: err}
	}
	// Some file systems of the network have no size.
	if fs.Blocks > 0 && uint64(fs.Bavail)*uint64(fs.Bsize) < bytes {
		return &os.PathError{Op: "write to", Path: path, Err: unix.ENOSPC}
	}
	return nil
}

// File returns why this process could not read and write the file at path, nil if
// it could.
func File(path string) error {
	if err := access(path, unix.R_OK|unix.W_OK); err != nil {
		return &os.PathError{Op: "write to", Path: path, Err: err}
	}
	return nil
}

// access asks by the rights that count for opening, those of the effective user.
func access(path string, mode uint32) error {
	return unix.Faccessat(unix.AT_FDCWD, path, mode, unix.AT_EACCESS)
}
