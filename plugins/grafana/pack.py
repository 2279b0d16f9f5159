"""pack.py DIST OUT: the plugin's zip, and its checksum beside it. The same files give the same bytes."""
import hashlib
import json
import os
import sys
import zipfile


def files_of(folder):
    for base, folders, names in os.walk(folder):
        folders.sort()
        for name in sorted(names):
            yield os.path.relpath(os.path.join(base, name), folder)


def main():
    dist, out = sys.argv[1:3]
    with open(os.path.join(dist, 'plugin.json'), encoding='utf-8') as source:
        plugin = json.load(source)
    os.makedirs(out, exist_ok=True)
    path = os.path.join(out, f"{plugin['id']}-{plugin['info']['version']}.zip")
    with zipfile.ZipFile(path, 'w', zipfile.ZIP_DEFLATED, compresslevel=9) as pack:
        for name in files_of(dist):
            entry = zipfile.ZipInfo(f"{plugin['id']}/{name}", (1980, 1, 1, 0, 0, 0))
            entry.external_attr = 0o100644 << 16
            entry.compress_type = zipfile.ZIP_DEFLATED
            with open(os.path.join(dist, name), 'rb') as source:
                pack.writestr(entry, source.read())
    with open(path, 'rb') as packed:
        digest = hashlib.sha256(packed.read()).hexdigest()
    with open(path + '.sha256', 'w', encoding='utf-8') as note:
        note.write(f'{digest}  {os.path.basename(path)}\n')
    print(f'{path} {os.path.getsize(path)} bytes sha256 {digest}')


main()
