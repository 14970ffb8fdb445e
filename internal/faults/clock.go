package main

import (
	"errors"
	"time"
)

// setClock sets the clock of this process wrong. Only builds whose package time
// was changed for it can; see overlay.go.
func setClock(time.Duration) error {
	return errors.New("this build's clock can't be set")
}
