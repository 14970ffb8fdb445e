{{/* What the service can't start without, said before the pods say it. */}}
{{- define "revoked.checked" -}}
{{- $_ := required "config.nats.url is missing: set one or more URLs, such as tls://nats.nats.svc:4222" .Values.config.nats.url -}}
{{- if not .Values.config.pools -}}
{{- fail "config.pools is empty: list at least one user pool with its id and clients" -}}
{{- end -}}
{{- $callers := or .Values.secrets.apiKey.secretName .Values.config.api_keys -}}
{{- range .Values.config.pools -}}
{{- $callers = or $callers .callers -}}
{{- end -}}
{{- if not $callers -}}
{{- fail "nobody may call the admin API: set secrets.apiKey.secretName, config.api_keys (revokectl key new) or callers of a pool" -}}
{{- end -}}
{{- end -}}

{{/* Volumes and environment of the service's credentials */}}
{{- define "revoked.secretsVolume" -}}
- name: secrets
  projected:
    defaultMode: 0440
    sources:
      - secret:
          name: {{ .Values.secrets.sealKeys.secretName }}
          items:
            - {key: {{ .Values.secrets.sealKeys.key | quote }}, path: seal-keys}
      {{- with .Values.secrets.apiKey }}
      {{- if .secretName }}
      - secret:
          name: {{ .secretName }}
          items:
            - {key: {{ .key | quote }}, path: api-key}
      {{- end }}
      {{- end }}
      {{- include "revoked.natsSource" .Values.secrets.nats | nindent 6 }}
{{- end -}}

{{- define "revoked.pod" -}}
metadata:
  labels:
    {{- include "revoked.labels" (list . "service" .Values.podLabels) | nindent 4 }}
  annotations:
    # A changed configuration is read at start only.
    checksum/config: {{ toYaml .Values.config | sha256sum }}
    {{- with .Values.podAnnotations }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
spec:
  serviceAccountName: {{ include "revoked.serviceAccountName" . }}
  # Roles for AWS come by a token of their own, which EKS mounts.
  automountServiceAccountToken: false
  enableServiceLinks: false
  {{- with .Values.imagePullSecrets }}
  imagePullSecrets:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  securityContext:
    {{- include "revoked.podSecurityContext" . | nindent 4 }}
  # From SIGTERM on: shutdown_delay, 25 s for requests, the rest for what is
  # under way at NATS and Cognito.
  terminationGracePeriodSeconds: {{ add (trimSuffix "s" .Values.config.shutdown_delay | int) 40 }}
  containers:
    - name: revoked
      image: {{ include "revoked.image" (list . .Values.image) }}
      imagePullPolicy: {{ .Values.image.pullPolicy }}
      args: [serve, --config, /etc/revoked/config.yaml]
      env:
        - name: REVOKED_SERVICE_ID
          valueFrom: {fieldRef: {fieldPath: metadata.name}}
        - {name: REVOKED_LOCAL_FILE, value: /var/lib/revoked/acts}
        - {name: REVOKED_SEAL_KEYS_FILE, value: /run/revoked/secrets/seal-keys}
        {{- if .Values.secrets.apiKey.secretName }}
        - {name: REVOKED_API_KEY_FILE, value: /run/revoked/secrets/api-key}
        {{- end }}
        {{- include "revoked.natsEnv" .Values.secrets.nats | nindent 8 }}
        - {name: GOMEMLIMIT, value: {{ include "revoked.goMemLimit" .Values.resources.limits.memory }}}
        {{- range $name, $value := .Values.env }}
        - {name: {{ $name }}, value: {{ $value | quote }}}
        {{- end }}
        {{- with .Values.extraEnv }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
      ports:
        - {name: public, containerPort: {{ include "revoked.port" .Values.config.public_addr }}, protocol: TCP}
        - {name: admin, containerPort: {{ include "revoked.port" .Values.config.admin_addr }}, protocol: TCP}
        - {name: metrics, containerPort: {{ include "revoked.port" .Values.config.metrics_addr }}, protocol: TCP}
      # The listeners open at once, whether NATS is there or not: what is out of
      # reach, a restart would not mend. /readyz is what waits for the replay.
      startupProbe:
        httpGet: {path: /livez, port: metrics}
        periodSeconds: 1
        failureThreshold: 60
      livenessProbe:
        httpGet: {path: /livez, port: metrics}
        periodSeconds: 10
        timeoutSeconds: 5
        failureThreshold: 6
      readinessProbe:
        httpGet: {path: /readyz, port: metrics}
        periodSeconds: 5
        timeoutSeconds: 3
        failureThreshold: 2
      resources:
        {{- toYaml .Values.resources | nindent 8 }}
      securityContext:
        {{- include "revoked.securityContext" . | nindent 8 }}
      volumeMounts:
        - {name: config, mountPath: /etc/revoked, readOnly: true}
        - {name: secrets, mountPath: /run/revoked/secrets, readOnly: true}
        {{- if .Values.secrets.clients.secretName }}
        - {name: clients, mountPath: /run/revoked/clients, readOnly: true}
        {{- end }}
        - {name: data, mountPath: /var/lib/revoked}
        {{- with .Values.extraVolumeMounts }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
  volumes:
    - name: config
      configMap: {name: {{ include "revoked.fullname" . }}}
    {{- include "revoked.secretsVolume" . | nindent 4 }}
    {{- with .Values.secrets.clients.secretName }}
    - name: clients
      secret: {secretName: {{ . }}, defaultMode: 0440}
    {{- end }}
    {{- if not .Values.persistence.enabled }}
    - name: data
      emptyDir: {sizeLimit: {{ .Values.persistence.size }}}
    {{- end }}
    {{- with .Values.extraVolumes }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  affinity:
    {{- with .Values.affinity }}
    {{- toYaml . | nindent 4 }}
    {{- else }}
    podAntiAffinity:
      preferredDuringSchedulingIgnoredDuringExecution:
        - weight: 100
          podAffinityTerm:
            topologyKey: kubernetes.io/hostname
            labelSelector:
              matchLabels:
                {{- include "revoked.selectorLabels" (list . "service") | nindent 16 }}
    {{- end }}
  topologySpreadConstraints:
    {{- with .Values.topologySpreadConstraints }}
    {{- toYaml . | nindent 4 }}
    {{- else }}
    - maxSkew: 1
      topologyKey: topology.kubernetes.io/zone
      whenUnsatisfiable: ScheduleAnyway
      labelSelector:
        matchLabels:
          {{- include "revoked.selectorLabels" (list . "service") | nindent 10 }}
    {{- end }}
  {{- include "revoked.placement" . | nindent 2 }}
{{- end -}}
