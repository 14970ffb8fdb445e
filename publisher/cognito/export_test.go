package cognito

import "context"

// WaitForSignOut takes one call of the category of sign-outs.
func WaitForSignOut(ctx context.Context, l *Limiter) error { return l.wait(ctx, userUpdate) }
