// Package kubernetes checks the Helm chart in deploy/kubernetes: Helm's own
// engine renders it, the types of client-go read every manifest strictly,
// their parts are compared with each other, and a kubelet of some hundred lines
// runs the containers as processes, with our binaries and a real nats-server.
//
// Each check is shown a mistake that it must find.
package kubernetes
