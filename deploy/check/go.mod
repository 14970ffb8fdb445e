module github.com/seed-4e8dee1b/revoked/deploy/check

go 1.26.0

replace github.com/seed-4e8dee1b/revoked => ../..
