{{/* Names */}}
{{- define "revoked.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 52 | trimSuffix "-" -}}
{{- end -}}

{{- define "revoked.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 52 | trimSuffix "-" -}}
{{- else if contains (include "revoked.name" .) .Release.Name -}}
{{- .Release.Name | trunc 52 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name (include "revoked.name" .) | trunc 52 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- define "revoked.serviceAccountName" -}}
{{- if .Values.serviceAccount.create -}}
{{- default (include "revoked.fullname" .) .Values.serviceAccount.name -}}
{{- else -}}
{{- default "default" .Values.serviceAccount.name -}}
{{- end -}}
{{- end -}}

{{/* Labels of a part of the release: (list . "service") */}}
{{- define "revoked.selectorLabels" -}}
{{- $root := index . 0 -}}
app.kubernetes.io/name: {{ include "revoked.name" $root }}
app.kubernetes.io/instance: {{ $root.Release.Name | quote }}
app.kubernetes.io/component: {{ index . 1 }}
{{- end -}}

{{/*
All labels of a part: (list . "service"), perhaps with a map of more. What the
chart selects by is not to be changed by them.
*/}}
{{- define "revoked.labels" -}}
{{- $root := index . 0 -}}
{{- $own := include "revoked.ownLabels" . | fromYaml -}}
{{- $more := dict -}}
{{- if gt (len .) 2 -}}
{{- $more = default dict (index . 2) -}}
{{- end -}}
{{- toYaml (merge $own $more $root.Values.commonLabels) -}}
{{- end -}}

{{- define "revoked.ownLabels" -}}
{{- $root := index . 0 -}}
{{ include "revoked.selectorLabels" . }}
app.kubernetes.io/version: {{ $root.Chart.AppVersion | quote }}
app.kubernetes.io/part-of: revoked
app.kubernetes.io/managed-by: {{ $root.Release.Service }}
helm.sh/chart: {{ printf "%s-%s" $root.Chart.Name $root.Chart.Version | replace "+" "_" }}
{{- end -}}

{{/*
The metadata of an object: (dict "root" . "part" "service" "name" "revoked"), and
perhaps "namespace", "labels" and "annotations". The namespace is written down
for those who render here and apply elsewhere.
*/}}
{{- define "revoked.metadata" -}}
name: {{ .name }}
namespace: {{ default .root.Release.Namespace .namespace }}
labels:
  {{- include "revoked.labels" (list .root .part .labels) | nindent 2 }}
{{- with merge dict (default dict .annotations) .root.Values.commonAnnotations }}
annotations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{/*
A file of the repository that the chart has by a link: (list . "files/x"). Flux
drops links of a GitRepository, and Git on Windows may write the target's path
instead: that is an error, not an empty file.
*/}}
{{- define "revoked.file" -}}
{{- $text := (index . 0).Files.Get (index . 1) -}}
{{- if not (contains "\n" $text) -}}
{{- fail (printf "%s is a link that was lost on the way from the repository: install the package of a release, or what helm package makes of a clone" (index . 1)) -}}
{{- end -}}
{{- $text -}}
{{- end -}}

{{/* The image of a container: (list . .Values.image) */}}
{{- define "revoked.image" -}}
{{- $image := index . 1 -}}
{{- if $image.digest -}}
{{- printf "%s@%s" $image.repository $image.digest -}}
{{- else -}}
{{- printf "%s:%s" $image.repository (default (index . 0).Chart.AppVersion $image.tag) -}}
{{- end -}}
{{- end -}}

{{/* The port of an address such as :8080 */}}
{{- define "revoked.port" -}}
{{- regexFind "[0-9]+$" . -}}
{{- end -}}

{{/* The ports of a list of NATS URLs, as YAML */}}
{{- define "revoked.natsPorts" -}}
{{- $ports := list -}}
{{- range splitList "," . -}}
{{- $port := regexFind ":[0-9]+/?$" (trim .) | trimPrefix ":" | trimSuffix "/" -}}
{{- $ports = append $ports (default "4222" $port) -}}
{{- end -}}
{{- range uniq $ports }}
- {protocol: TCP, port: {{ . }}}
{{- end -}}
{{- end -}}

{{/* Nine tenths of a memory limit: the rest is for what the garbage collector does not count. */}}
{{- define "revoked.goMemLimit" -}}
{{- $number := regexFind "^[0-9]+" . -}}
{{- $mib := int64 $number -}}
{{- if hasSuffix "Gi" . -}}{{- $mib = mul $mib 1024 -}}{{- end -}}
{{- printf "%dMiB" (div (mul $mib 9) 10) -}}
{{- end -}}

{{- define "revoked.podSecurityContext" -}}
runAsNonRoot: true
{{- range $name := list "runAsUser" "runAsGroup" "fsGroup" }}
{{- with index $.Values.securityContext $name | int64 }}
{{ $name }}: {{ . }}
{{- end }}
{{- end }}
fsGroupChangePolicy: OnRootMismatch
seccompProfile: {type: RuntimeDefault}
{{- end -}}

{{- define "revoked.securityContext" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
runAsNonRoot: true
capabilities: {drop: [ALL]}
seccompProfile: {type: RuntimeDefault}
{{- end -}}

{{/* Where the pods of a release run, those of provision and of tests as well */}}
{{- define "revoked.placement" -}}
{{- with .Values.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- end -}}

{{/* The files of a NATS credential are the same in every container. */}}
{{- define "revoked.natsFiles" -}}
creds: nats.creds
nkey: nats.nk
ca: nats-ca.pem
cert: nats-cert.pem
key: nats-key.pem
{{- end -}}

{{/* What of a credential is there: .Values.secrets.nats */}}
{{- define "revoked.natsKeys" -}}
{{- range $kind, $file := include "revoked.natsFiles" . | fromYaml }}
{{- if and (index $ $kind) (or $.secretName (and (eq $kind "ca") $.caConfigMap)) }}
{{ $kind }}: {{ $file }}
{{- end }}
{{- end }}
{{- end -}}

{{/* Variables that name the files: .Values.secrets.nats */}}
{{- define "revoked.natsEnv" -}}
{{- range $kind, $file := include "revoked.natsKeys" . | fromYaml }}
- {name: NATS_{{ upper $kind }}, value: /run/revoked/secrets/{{ $file }}}
{{- end }}
{{- end -}}

{{/* The sources in a projected volume, if there are any: .Values.secrets.nats */}}
{{- define "revoked.natsSource" -}}
{{- $secret := . -}}
{{- $keys := include "revoked.natsKeys" . | fromYaml -}}
{{- if and $secret.caConfigMap (hasKey $keys "ca") }}
- configMap:
    name: {{ $secret.caConfigMap }}
    items:
      - {key: {{ $secret.ca | quote }}, path: {{ $keys.ca }}}
{{- $_ := unset $keys "ca" -}}
{{- end }}
{{- with $keys }}
- secret:
    name: {{ $secret.secretName }}
    items:
      {{- range $kind, $file := . }}
      - {key: {{ index $secret $kind | quote }}, path: {{ $file }}}
      {{- end }}
{{- end }}
{{- end -}}
