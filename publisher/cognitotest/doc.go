// Package cognitotest is an Amazon Cognito emulator that runs inside a test.
package cognitotest
