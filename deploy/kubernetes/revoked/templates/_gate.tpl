{{/*
The gate as a native sidecar, for the pods of any Deployment. In a template of
this chart the context is ".", in one of a chart that depends on this one it is
.Subcharts.revoked:

  spec:
    template:
      metadata:
        labels: {{- include "revoked.gate.labels" .Subcharts.revoked | nindent 10 }}
        annotations: {{- include "revoked.gate.annotations" .Subcharts.revoked | nindent 10 }}
      spec:
        initContainers: {{- include "revoked.gate.initContainer" .Subcharts.revoked | nindent 10 }}
        volumes: {{- include "revoked.gate.volumes" .Subcharts.revoked | nindent 10 }}

The pod needs an fsGroup, or the gate can't read its credential.
*/}}

{{/* What the gate can't start without. */}}
{{- define "revoked.gate.checked" -}}
{{- if not .Values.gate.enabled -}}
{{- fail "gate.enabled is false: without it the gate has no configuration" -}}
{{- end -}}
{{- if not (or .Values.gate.config.nats.url .Values.config.nats.url) -}}
{{- fail "gate.config.nats.url and config.nats.url are missing: set one or more URLs, such as tls://nats.nats.svc:4222" -}}
{{- end -}}
{{- if not .Values.gate.config.pools -}}
{{- fail "gate.config.pools is empty: list at least one user pool with its id and clients" -}}
{{- end -}}
{{- if not .Values.gate.config.rules -}}
{{- fail "gate.config.rules is empty, and what no rule names is refused: start with [{path: /}]" -}}
{{- end -}}
{{- end -}}

{{- define "revoked.gate.name" -}}
{{ include "revoked.fullname" . }}-gate
{{- end -}}

{{- define "revoked.gate.config" -}}
{{- $config := deepCopy .Values.gate.config -}}
{{- $_ := set $config.nats "url" (default .Values.config.nats.url $config.nats.url) -}}
{{- toYaml $config -}}
{{- end -}}

{{/* By which the PodMonitor finds the pod */}}
{{- define "revoked.gate.labels" -}}
revoked-gate: {{ include "revoked.fullname" . }}
{{- end -}}

{{/* A new configuration makes new pods. */}}
{{- define "revoked.gate.annotations" -}}
checksum/gate-config: {{ include "revoked.gate.config" . | sha256sum }}
{{- end -}}

{{- define "revoked.gate.volumes" -}}
- name: revoked-gate-config
  configMap: {name: {{ include "revoked.gate.name" . }}}
{{- if include "revoked.natsKeys" .Values.gate.secret }}
- name: revoked-gate-secrets
  projected:
    defaultMode: 0440
    sources:
      {{- include "revoked.natsSource" .Values.gate.secret | nindent 6 }}
{{- end }}
- name: revoked-gate-data
  emptyDir: {sizeLimit: 1Gi}
{{- with .Values.gate.breakGlassConfigMap }}
- name: revoked-gate-break-glass
  configMap: {name: {{ . }}, optional: true}
{{- end }}
{{- end -}}

{{- define "revoked.gate.initContainer" -}}
{{- include "revoked.gate.checked" . -}}
- name: revoked-gate
  # Always: it starts before the containers of the pod, runs beside them, and is
  # stopped after they have ended.
  restartPolicy: Always
  image: {{ include "revoked.image" (list . .Values.gate.image) }}
  imagePullPolicy: {{ .Values.gate.image.pullPolicy }}
  args: [serve, --config, /etc/revoked-gate/gate.yaml]
  env:
    - name: REVOKED_NODE
      valueFrom: {fieldRef: {fieldPath: metadata.name}}
    - {name: REVOKED_LOCAL_FILE, value: /var/lib/revoked-gate/acts}
    {{- if .Values.gate.breakGlassConfigMap }}
    - {name: REVOKED_BREAK_GLASS_FILE, value: /etc/revoked-break-glass/stale-policy}
    {{- end }}
    {{- include "revoked.natsEnv" .Values.gate.secret | nindent 4 }}
    - {name: GOMEMLIMIT, value: {{ include "revoked.goMemLimit" .Values.gate.resources.limits.memory }}}
    {{- range $name, $value := .Values.gate.env }}
    - {name: {{ $name }}, value: {{ $value | quote }}}
    {{- end }}
  ports:
    - {name: gate-metrics, containerPort: {{ include "revoked.port" .Values.gate.config.metrics_addr }}, protocol: TCP}
  # The pod's containers start once the denylist was complete and fresh. If NATS
  # is away that may take as long as it is; a restart would only take longer.
  startupProbe:
    httpGet: {path: /readyz, port: gate-metrics}
    periodSeconds: 1
    timeoutSeconds: 2
    failureThreshold: 3600
  livenessProbe:
    httpGet: {path: /livez, port: gate-metrics}
    periodSeconds: 10
    timeoutSeconds: 5
    failureThreshold: 6
  # Stays on while the denylist is stale: the rules say what happens then.
  readinessProbe:
    httpGet: {path: /readyz, port: gate-metrics}
    periodSeconds: 5
    timeoutSeconds: 3
    failureThreshold: 2
  resources:
    {{- toYaml .Values.gate.resources | nindent 4 }}
  securityContext:
    {{- range $name := list "runAsUser" "runAsGroup" }}
    {{- with index $.Values.securityContext $name | int64 }}
    {{ $name }}: {{ . }}
    {{- end }}
    {{- end }}
    {{- include "revoked.securityContext" . | nindent 4 }}
  volumeMounts:
    - {name: revoked-gate-config, mountPath: /etc/revoked-gate, readOnly: true}
    {{- if include "revoked.natsKeys" .Values.gate.secret }}
    - {name: revoked-gate-secrets, mountPath: /run/revoked/secrets, readOnly: true}
    {{- end }}
    - {name: revoked-gate-data, mountPath: /var/lib/revoked-gate}
    {{- if .Values.gate.breakGlassConfigMap }}
    - {name: revoked-gate-break-glass, mountPath: /etc/revoked-break-glass, readOnly: true}
    {{- end }}
    {{- with .Values.gate.extraVolumeMounts }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
{{- end -}}
