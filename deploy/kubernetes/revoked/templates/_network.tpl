{{/* One rule: (list "from" peers ports-as-YAML). No peers means everybody. */}}
{{- define "revoked.networkRule" -}}
- ports:
    {{- index . 2 | nindent 4 }}
  {{- with index . 1 }}
  {{ index $ 0 }}:
    {{- toYaml . | nindent 4 }}
  {{- end }}
{{- end -}}

{{/* Egress of everything that talks to NATS: (list . url) */}}
{{- define "revoked.natsEgress" -}}
{{- $policy := (index . 0).Values.networkPolicy -}}
{{ include "revoked.networkRule" (list "to" $policy.natsTo (include "revoked.natsPorts" (index . 1) | trim)) }}
{{- $dns := list }}
{{- range $policy.dnsPorts }}
{{- $dns = concat $dns (list (dict "protocol" "UDP" "port" (int .)) (dict "protocol" "TCP" "port" (int .))) }}
{{- end }}
{{ include "revoked.networkRule" (list "to" $policy.dnsTo (toYaml $dns)) }}
{{- end -}}

{{- define "revoked.httpsEgress" -}}
{{ include "revoked.networkRule" (list "to" .Values.networkPolicy.httpsTo "- {protocol: TCP, port: 443}") }}
{{- end -}}
