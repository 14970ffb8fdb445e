package service

// Masked returns a copy of the configuration that can be shown: secrets mask
// themselves, and passwords within NATS URLs are masked here.
func (c Config) Masked() Config {
	c.NATS.URL = maskURLs(c.NATS.URL)
	return c
}
