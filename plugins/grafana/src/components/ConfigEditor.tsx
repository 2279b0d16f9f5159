import { DataSourcePluginOptionsEditorProps } from '@grafana/data';
import { DataSourceHttpSettings, FieldSet, InlineField, InlineFieldRow, Input, SecretInput } from '@grafana/ui';
import { useState } from 'react';
import { TidemarkOptions, TidemarkSecrets } from '../types';

type Props = DataSourcePluginOptionsEditorProps<TidemarkOptions, TidemarkSecrets>;

/** The key goes as a header that Grafana's server adds: the browser never has it. */
const PREFIX = 'Bearer ';

export function ConfigEditor({ options, onOptionsChange }: Props) {
  const { jsonData, secureJsonFields } = options;
  const [key, setKey] = useState('');
  const setJson = (part: Partial<TidemarkOptions>) => onOptionsChange({ ...options, jsonData: { ...jsonData, ...part } });
  const setSecret = (text: string) => {
    setKey(text);
    onOptionsChange({
      ...options,
      jsonData: { ...jsonData, httpHeaderName1: text === '' ? undefined : 'Authorization' },
      secureJsonData: { ...options.secureJsonData, httpHeaderValue1: text === '' ? '' : PREFIX + text },
      secureJsonFields: { ...secureJsonFields, httpHeaderValue1: false },
    });
  };
  return (
    <>
      <DataSourceHttpSettings
        defaultUrl="http://127.0.0.1:9700" dataSourceConfig={options} onChange={onOptionsChange} showAccessOptions={false}
      />
      <FieldSet label="tidemark">
        <InlineFieldRow>
          <InlineField label="Key" labelWidth={20} tooltip="The secret of a key with the scope read (auth.keys). Grafana's server keeps it and adds it.">
            <SecretInput
              id="config-key" width={40} placeholder="none: loopback is trusted" value={key} isConfigured={Boolean(secureJsonFields?.httpHeaderValue1)}
              onReset={() => setSecret('')} onChange={(e) => setSecret(e.currentTarget.value)}
            />
          </InlineField>
        </InlineFieldRow>
        <InlineFieldRow>
          <InlineField label="Default service" labelWidth={20} tooltip="New queries begin with it">
            <Input
              id="config-service" width={40} placeholder="all" value={jsonData.defaultService ?? ''}
              onChange={(e) => setJson({ defaultService: e.currentTarget.value || undefined })}
            />
          </InlineField>
        </InlineFieldRow>
        <InlineFieldRow>
          <InlineField label="Sending interval" labelWidth={20} tooltip="How often agents send: the least step, and four of it are $__rate_interval">
            <Input
              id="config-interval" width={40} placeholder="15s" value={jsonData.interval ?? ''}
              onChange={(e) => setJson({ interval: e.currentTarget.value || undefined })}
            />
          </InlineField>
        </InlineFieldRow>
      </FieldSet>
    </>
  );
}
