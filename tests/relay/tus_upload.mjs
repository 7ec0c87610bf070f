// Uploads one file with tus-js-client and says in one line of JSON how it went.
// node tus_upload.mjs ENDPOINT FILE SHA256 MESSAGE CHUNK_BYTES [resume URL | terminate]
import { createReadStream, statSync } from 'node:fs'
import { createRequire } from 'node:module'

const tus = createRequire(import.meta.url)('tus-js-client')
const [endpoint, file, sha256, message, chunk, how, url] = process.argv.slice(2)
const statuses = []

const upload = new tus.Upload(createReadStream(file), {
  endpoint,
  uploadUrl: how === 'resume' ? url : null,
  uploadSize: statSync(file).size,
  chunkSize: Number(chunk),
  retryDelays: [0, 20, 50, 100, 200],
  metadata: { sha256, message, filename: 'công văn.edxml' },
  onAfterResponse: (request, response) => {
    statuses.push(`${request.getMethod()} ${response.getStatus()}`)
  },
  onChunkComplete: async () => {
    if (how === 'terminate') {
      await upload.abort(true)
      console.log(JSON.stringify({ terminated: true, url: upload.url, statuses }))
    }
  },
  onError: (error) => {
    console.log(JSON.stringify({ error: String(error), url: upload.url, statuses }))
  },
  onSuccess: () => {
    console.log(JSON.stringify({ success: true, url: upload.url, statuses }))
  },
})
upload.start()
