package kubernetes_test

import (
	"fmt"
	"os"
	"slices"
	"strings"

	monitoring "github.com/prometheus-operator/prometheus-operator/pkg/apis/monitoring/v1"
	apps "k8s.io/api/apps/v1"
	batch "k8s.io/api/batch/v1"
	core "k8s.io/api/core/v1"
	network "k8s.io/api/networking/v1"
	policy "k8s.io/api/policy/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/intstr"
	admission "k8s.io/pod-security-admission/policy"

	psa "k8s.io/pod-security-admission/api"
)

// pod is what becomes one, whatever makes it.
type pod struct {
	name   string // kind/name of what makes it
	labels labels.Set
	meta   meta.ObjectMeta
	spec   core.PodSpec
	// workload is false for what runs once.
	workload bool
	// claims are the volumes of a StatefulSet.
	claims []string
}

func podsOf(objects []runtime.Object) []pod {
	var pods []pod
	for _, obj := range objects {
		switch o := obj.(type) {
		case *apps.Deployment:
			pods = append(pods, pod{"Deployment/" + o.Name, o.Spec.Template.Labels, o.Spec.Template.ObjectMeta, o.Spec.Template.Spec, true, nil})
		case *apps.StatefulSet:
			p := pod{"StatefulSet/" + o.Name, o.Spec.Template.Labels, o.Spec.Template.ObjectMeta, o.Spec.Template.Spec, true, nil}
			for _, c := range o.Spec.VolumeClaimTemplates {
				p.claims = append(p.claims, c.Name)
			}
			pods = append(pods, p)
		case *batch.Job:
			pods = append(pods, pod{"Job/" + o.Name, o.Spec.Template.Labels, o.Spec.Template.ObjectMeta, o.Spec.Template.Spec, false, nil})
		case *core.Pod:
			pods = append(pods, pod{"Pod/" + o.Name, o.Labels, o.ObjectMeta, o.Spec, false, nil})
		}
	}
	return pods
}

// containers are all of a pod.
func (p pod) containers() []core.Container {
	return slices.Concat(p.spec.InitContainers, p.spec.Containers)
}

// port returns the number of a port of the pod, by number or name.
func (p pod) port(at intstr.IntOrString) (int32, bool) {
	for _, c := range p.containers() {
		for _, port := range c.Ports {
			if at.Type == intstr.String && port.Name == at.StrVal || at.Type == intstr.Int && port.ContainerPort == at.IntVal {
				return port.ContainerPort, true
			}
		}
	}
	return 0, false
}

// matching returns the pods that a selector means.
func matching(pods []pod, selector *meta.LabelSelector) []pod {
	s, err := meta.LabelSelectorAsSelector(selector)
	if err != nil {
		return nil
	}
	var found []pod
	for _, p := range pods {
		if s.Matches(p.labels) {
			found = append(found, p)
		}
	}
	return found
}

func names(pods []pod) string {
	var list []string
	for _, p := range pods {
		list = append(list, p.name)
	}
	return strings.Join(list, ", ")
}

// list collects what is wrong.
type list []string

func (l *list) addf(format string, args ...any) { *l = append(*l, fmt.Sprintf(format, args...)) }

// problems compares the objects of one release with each other.
func problems(objects []runtime.Object) []string {
	var found list
	pods := podsOf(objects)
	for _, p := range pods {
		checkSecurity(&found, p)
		checkResources(&found, p)
		checkVolumes(&found, p, objects)
		checkProbes(&found, p)
		checkSpread(&found, p)
	}
	for _, obj := range objects {
		checkSelector(&found, obj, objects, pods)
	}
	for _, p := range pods {
		checkNetwork(&found, p, objects)
	}
	return found
}

// restricted is the strictest of Kubernetes' own pod security standards.
var restricted = func() admission.Evaluator {
	e, err := admission.NewEvaluator(admission.DefaultChecks(), nil)
	if err != nil {
		panic(err)
	}
	return e
}()

func checkSecurity(found *list, p pod) {
	level := psa.LevelVersion{Level: psa.LevelRestricted, Version: psa.LatestVersion()}
	for _, r := range restricted.EvaluatePod(level, &p.meta, &p.spec) {
		if !r.Allowed {
			found.addf("%s: pod security: %s: %s", p.name, r.ForbiddenReason, r.ForbiddenDetail)
		}
	}
	if p.spec.AutomountServiceAccountToken == nil || *p.spec.AutomountServiceAccountToken {
		found.addf("%s: the token of the service account is mounted, which nothing needs", p.name)
	}
	// Without a user of its own the platform gives both.
	if s := p.spec.SecurityContext; s == nil || s.FSGroup == nil && s.RunAsUser != nil {
		found.addf("%s: no fsGroup: the mounted secrets could not be read", p.name)
	}
	for _, c := range p.containers() {
		s := c.SecurityContext
		if s == nil || s.ReadOnlyRootFilesystem == nil || !*s.ReadOnlyRootFilesystem {
			found.addf("%s: container %s: the root file system can be written", p.name, c.Name)
		}
		if s == nil || s.RunAsNonRoot == nil || !*s.RunAsNonRoot || s.Capabilities == nil || s.SeccompProfile == nil ||
			s.AllowPrivilegeEscalation == nil || *s.AllowPrivilegeEscalation {
			found.addf("%s: container %s: no security context of its own", p.name, c.Name)
		}
	}
}

func checkResources(found *list, p pod) {
	for _, c := range p.containers() {
		limit := c.Resources.Limits.Memory()
		if limit.IsZero() || c.Resources.Requests.Cpu().IsZero() || c.Resources.Requests.Memory().IsZero() {
			found.addf("%s: container %s: no memory limit or no requests", p.name, c.Name)
		}
		if c.Resources.Requests.Memory().Cmp(*limit) > 0 {
			found.addf("%s: container %s: requests more memory than its limit", p.name, c.Name)
		}
		if at := slices.IndexFunc(c.Env, func(e core.EnvVar) bool { return e.Name == "GOMEMLIMIT" }); at >= 0 {
			set, err := resource.ParseQuantity(strings.TrimSuffix(c.Env[at].Value, "B"))
			if share := float64(set.Value()) / float64(limit.Value()); err != nil || share < 0.89 || share > 0.9 {
				found.addf("%s: container %s: GOMEMLIMIT is %s (%v), with a limit of %s", p.name, c.Name, c.Env[at].Value, err, limit)
			}
		} else if p.workload && len(c.Args) > 0 && c.Args[0] == "serve" {
			found.addf("%s: container %s: no GOMEMLIMIT", p.name, c.Name)
		}
	}
}

// checkVolumes finds what is mounted and not there, and what is there for nothing.
func checkVolumes(found *list, p pod, objects []runtime.Object) {
	used := map[string]bool{}
	known := slices.Clone(p.claims)
	for _, v := range p.spec.Volumes {
		known = append(known, v.Name)
		if v.ConfigMap != nil && (v.ConfigMap.Optional == nil || !*v.ConfigMap.Optional) {
			there := slices.ContainsFunc(objects, func(o runtime.Object) bool {
				cm, ok := o.(*core.ConfigMap)
				return ok && cm.Name == v.ConfigMap.Name
			})
			if !there {
				found.addf("%s: volume %s: there is no ConfigMap %s", p.name, v.Name, v.ConfigMap.Name)
			}
		}
	}
	for _, c := range p.containers() {
		var paths []string
		for _, m := range c.VolumeMounts {
			used[m.Name] = true
			paths = append(paths, m.MountPath)
			if !slices.Contains(known, m.Name) {
				found.addf("%s: container %s mounts the volume %s, which is not there", p.name, c.Name, m.Name)
			}
		}
		for _, e := range c.Env {
			mounted := slices.ContainsFunc(paths, func(at string) bool { return strings.HasPrefix(e.Value, at+"/") })
			if strings.HasPrefix(e.Value, "/") && !mounted {
				found.addf("%s: container %s: %s is %s, where nothing is mounted", p.name, c.Name, e.Name, e.Value)
			}
		}
	}
	for _, name := range known {
		if !used[name] {
			found.addf("%s: no container mounts the volume %s", p.name, name)
		}
	}
}

// checkProbes finds probes of ports that nobody listens on, and what runs without.
func checkProbes(found *list, p pod) {
	for _, c := range p.containers() {
		if p.workload && len(c.Args) > 0 && c.Args[0] == "serve" {
			if c.StartupProbe == nil || c.LivenessProbe == nil || c.ReadinessProbe == nil {
				found.addf("%s: container %s: a probe is missing", p.name, c.Name)
			}
			// A restart would not bring NATS back.
			if c.LivenessProbe != nil && (c.LivenessProbe.HTTPGet == nil || c.LivenessProbe.HTTPGet.Path != "/livez") {
				found.addf("%s: container %s: the liveness probe is not GET /livez", p.name, c.Name)
			}
		}
		for _, probe := range []*core.Probe{c.StartupProbe, c.LivenessProbe, c.ReadinessProbe} {
			if probe == nil || probe.HTTPGet == nil {
				continue
			}
			if _, ok := (pod{spec: core.PodSpec{Containers: []core.Container{c}}}).port(probe.HTTPGet.Port); !ok {
				found.addf("%s: container %s: a probe of the port %s, which it does not have", p.name, c.Name, probe.HTTPGet.Port.String())
			}
		}
	}
}

func checkSpread(found *list, p pod) {
	selects := func(what string, selector *meta.LabelSelector) {
		if len(matching([]pod{p}, selector)) == 0 {
			found.addf("%s: %s does not select its own pods", p.name, what)
		}
	}
	for _, c := range p.spec.TopologySpreadConstraints {
		selects("topologySpreadConstraints", c.LabelSelector)
	}
	if a := p.spec.Affinity; a != nil && a.PodAntiAffinity != nil {
		for _, term := range a.PodAntiAffinity.PreferredDuringSchedulingIgnoredDuringExecution {
			selects("podAntiAffinity", term.PodAffinityTerm.LabelSelector)
		}
	}
}

// checkSelector finds selectors that mean nothing, or the wrong.
func checkSelector(found *list, obj runtime.Object, objects []runtime.Object, pods []pod) {
	one := func(kind, name string, selector *meta.LabelSelector, of []pod) []pod {
		m := matching(of, selector)
		if len(m) != 1 {
			found.addf("%s/%s selects %d pods (%s), want one kind", kind, name, len(m), names(m))
		}
		return m
	}
	switch o := obj.(type) {
	case *apps.Deployment:
		one("Deployment", o.Name, o.Spec.Selector, pods)
	case *apps.StatefulSet:
		one("StatefulSet", o.Name, o.Spec.Selector, pods)
		headless := slices.ContainsFunc(objects, func(x runtime.Object) bool {
			s, ok := x.(*core.Service)
			return ok && s.Name == o.Spec.ServiceName && s.Spec.ClusterIP == core.ClusterIPNone
		})
		if !headless {
			found.addf("StatefulSet/%s: there is no headless Service %s", o.Name, o.Spec.ServiceName)
		}
	case *policy.PodDisruptionBudget:
		for _, p := range one("PodDisruptionBudget", o.Name, o.Spec.Selector, pods) {
			if !p.workload {
				found.addf("PodDisruptionBudget/%s selects %s", o.Name, p.name)
			}
		}
	case *core.Service:
		for _, p := range one("Service", o.Name, &meta.LabelSelector{MatchLabels: o.Spec.Selector}, pods) {
			for _, port := range o.Spec.Ports {
				if _, ok := p.port(port.TargetPort); !ok {
					found.addf("Service/%s: %s has no port %s", o.Name, p.name, port.TargetPort.String())
				}
			}
		}
	case *network.Ingress:
		checkIngress(found, o, objects)
	case *monitoring.ServiceMonitor:
		for _, e := range o.Spec.Endpoints {
			checkJob(found, "ServiceMonitor/"+o.Name, e.RelabelConfigs)
		}
		services := 0
		for _, x := range objects {
			s, ok := x.(*core.Service)
			selector, err := meta.LabelSelectorAsSelector(&o.Spec.Selector)
			if !ok || err != nil || !selector.Matches(labels.Set(s.Labels)) {
				continue
			}
			services++
			for _, e := range o.Spec.Endpoints {
				if !slices.ContainsFunc(s.Spec.Ports, func(p core.ServicePort) bool { return p.Name == e.Port }) {
					found.addf("ServiceMonitor/%s: the Service %s has no port %s", o.Name, s.Name, e.Port)
				}
			}
		}
		if services != 1 {
			found.addf("ServiceMonitor/%s selects %d Services, want 1", o.Name, services)
		}
	case *monitoring.PodMonitor:
		for _, e := range o.Spec.PodMetricsEndpoints {
			checkJob(found, "PodMonitor/"+o.Name, e.RelabelConfigs)
		}
		// The pods may be of other releases.
		for _, p := range matching(pods, &o.Spec.Selector) {
			for _, e := range o.Spec.PodMetricsEndpoints {
				if _, ok := p.port(intstr.FromString(*e.Port)); !ok {
					found.addf("PodMonitor/%s: %s has no port %s", o.Name, p.name, *e.Port)
				}
			}
		}
	case *network.NetworkPolicy:
		if len(matching(pods, &o.Spec.PodSelector)) == 0 {
			found.addf("NetworkPolicy/%s selects no pod", o.Name)
		}
	}
}

// checkIngress finds paths that lead nowhere, and those that are not for apps.
func checkIngress(found *list, o *network.Ingress, objects []runtime.Object) {
	for _, rule := range o.Spec.Rules {
		for _, p := range rule.HTTP.Paths {
			if p.Path != "/oauth2/revoke" || p.PathType == nil || *p.PathType != network.PathTypeExact || rule.Host == "" {
				found.addf("Ingress/%s lets in to %q of %q, and to more than that", o.Name, p.Path, rule.Host)
			}
			to := p.Backend.Service
			there := slices.ContainsFunc(objects, func(x runtime.Object) bool {
				s, ok := x.(*core.Service)
				return ok && s.Name == to.Name && slices.ContainsFunc(s.Spec.Ports, func(p core.ServicePort) bool { return p.Name == to.Port.Name && p.Name == "public" })
			})
			if !there {
				found.addf("Ingress/%s: there is no Service %s with the port %s for apps", o.Name, to.Name, to.Port.Name)
			}
		}
	}
}

// checkJob finds targets that the alerts would not know: they select by job.
func checkJob(found *list, name string, rules []monitoring.RelabelConfig) {
	text, err := os.ReadFile(root + "/deploy/prometheus/revoked.rules.yml")
	if err != nil {
		found.addf("%s: %v", name, err)
	}
	for _, r := range rules {
		if r.TargetLabel == "job" && r.Replacement != nil && strings.Contains(string(text), `up{job="`+*r.Replacement+`"}`) {
			return
		}
	}
	found.addf("%s: no alert is about its job", name)
}

// checkNetwork compares the policies of a pod with its ports, and with the NATS
// servers of its configuration.
func checkNetwork(found *list, p pod, objects []runtime.Object) {
	var in, out []int32
	policies := 0
	for _, obj := range objects {
		o, ok := obj.(*network.NetworkPolicy)
		if !ok || len(matching([]pod{p}, &o.Spec.PodSelector)) == 0 {
			continue
		}
		policies++
		if !slices.Contains(o.Spec.PolicyTypes, network.PolicyTypeIngress) || !slices.Contains(o.Spec.PolicyTypes, network.PolicyTypeEgress) {
			found.addf("NetworkPolicy/%s does not cover both directions", o.Name)
		}
		for _, rule := range o.Spec.Ingress {
			in = append(in, ports(found, o.Name, rule.Ports)...)
		}
		for _, rule := range o.Spec.Egress {
			out = append(out, ports(found, o.Name, rule.Ports)...)
		}
	}
	if policies == 0 {
		return
	}
	var own []int32
	for _, c := range p.containers() {
		for _, port := range c.Ports {
			own = append(own, port.ContainerPort)
		}
	}
	slices.Sort(own)
	slices.Sort(in)
	if !slices.Equal(own, slices.Compact(in)) {
		found.addf("%s: the network policies let in to the ports %v, the containers have %v", p.name, in, own)
	}
	want := append(natsPorts(p, objects), 53)
	if p.workload {
		want = append(want, 443)
	}
	for _, port := range want {
		if !slices.Contains(out, port) {
			found.addf("%s: the network policies let out to the ports %v, not to %d", p.name, out, port)
		}
	}
}

// ports are those of a rule of a policy. A rule without ports would mean all.
func ports(found *list, name string, list []network.NetworkPolicyPort) []int32 {
	if len(list) == 0 {
		found.addf("NetworkPolicy/%s has a rule for all ports", name)
	}
	var numbers []int32
	for _, p := range list {
		numbers = append(numbers, p.Port.IntVal)
	}
	return numbers
}
