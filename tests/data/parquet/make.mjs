// Makes the Parquet files here, by other programs' writers: parquet-wasm (the Rust implementation), hyparquet-writer and
// @dsnp/parquetjs. What row i has is told by the formulas below; tests/unit/test_parquet.c has the same in C.
//
//   npm install parquet-wasm@0.8.0 apache-arrow@21 hyparquet-writer@0.17.0 @dsnp/parquetjs@1.8.8
//   node make.mjs
import { writeFileSync } from "node:fs"
import { createRequire } from "node:module"
import * as arrow from "apache-arrow"
import { parquetWriteBuffer } from "hyparquet-writer"
const require = createRequire(import.meta.url)
const wasm = require("parquet-wasm")
const parquetjs = require("@dsnp/parquetjs")

const ROWS = 300
const rows = [...Array(ROWS).keys()]
const whole = (i) => i * 7 - 1000
const big = (i) => BigInt(i % 2 ? -1 : 1) * BigInt(i) * 10000000019n
const unsigned = (i) => 4294967295 - i
const single = (i) => i / 10
const double = (i) => (i % 5 ? i / 7 : null)
const word = (i) => (i % 3 ? `word ${i % 7}` : null)
const text = (i) => `text-${i}-é`
const flag = (i) => (i % 11 ? i % 2 === 0 : null)
const at = (i) => new Date(1767225600000 + i * 61001)
const day = (i) => new Date((20454 + i) * 86400000)

const column = (type, value) => arrow.vectorFromArray(rows.map(value), type)
const table = new arrow.Table({
    whole: column(new arrow.Int32(), whole), big: column(new arrow.Int64(), big),
    unsigned: column(new arrow.Uint32(), unsigned), single: column(new arrow.Float32(), single),
    double: column(new arrow.Float64(), double), word: column(new arrow.Utf8(), word),
    text: column(new arrow.Utf8(), text), flag: column(new arrow.Bool(), flag),
    at: column(new arrow.Timestamp(arrow.TimeUnit.MILLISECOND, "UTC"), at),
    day: column(new arrow.DateDay(), day),
})

function write(name, change) {
    const builder = change(new wasm.WriterPropertiesBuilder())
    const bytes = wasm.writeParquet(wasm.Table.fromIPCStream(arrow.tableToIPC(table, "stream")), builder.build())
    writeFileSync(name, bytes)
}

const { Compression, Encoding, WriterVersion } = wasm
write("plain.parquet", (b) => b.setCompression(Compression.UNCOMPRESSED).setDictionaryEnabled(false))
write("dictionary.parquet", (b) => b.setCompression(Compression.SNAPPY))
write("gzip.parquet", (b) => b.setCompression(Compression.GZIP).setMaxRowGroupSize(70))
write("zstd.parquet", (b) => b.setCompression(Compression.ZSTD).setWriterVersion(WriterVersion.V2))
write("pages.parquet", (b) => b.setCompression(Compression.SNAPPY).setDataPageSizeLimit(200).setWriteBatchSize(20)
    .setDictionaryPageSizeLimit(400))
write("pages2.parquet", (b) => b.setCompression(Compression.UNCOMPRESSED).setDataPageSizeLimit(200).setWriteBatchSize(20)
    .setWriterVersion(WriterVersion.V2).setDictionaryEnabled(false))
write("delta.parquet", (b) => b.setCompression(Compression.UNCOMPRESSED).setDictionaryEnabled(false)
    .setColumnEncoding("whole", Encoding.DELTA_BINARY_PACKED).setColumnEncoding("big", Encoding.DELTA_BINARY_PACKED)
    .setColumnEncoding("unsigned", Encoding.DELTA_BINARY_PACKED).setColumnEncoding("at", Encoding.DELTA_BINARY_PACKED)
    .setColumnEncoding("day", Encoding.DELTA_BINARY_PACKED).setColumnEncoding("word", Encoding.DELTA_LENGTH_BYTE_ARRAY)
    .setColumnEncoding("text", Encoding.DELTA_BYTE_ARRAY).setColumnEncoding("flag", Encoding.RLE)
    .setColumnEncoding("single", Encoding.BYTE_STREAM_SPLIT).setColumnEncoding("double", Encoding.BYTE_STREAM_SPLIT))
write("brotli.parquet", (b) => b.setCompression(Compression.BROTLI)) // one that is not read

// The types that Arrow's JavaScript does not write, and a column in a group.
const uuid = (i) => "00010203-0405-4607-8809-0a0b0c0d0e" + (i % 256).toString(16).padStart(2, "0")
writeFileSync("hyparquet.parquet", Buffer.from(parquetWriteBuffer({
    columnData: [
        { name: "whole", data: rows.map(whole) }, { name: "price", data: rows.map((i) => i * 1.25 - 10) },
        { name: "id", data: rows.map(uuid) }, { name: "clock", data: rows.map((i) => i * 250) },
        { name: "local", data: rows.map((i) => BigInt(1767225600000000 + i)) },
        { name: "word", data: rows.map(word) },
    ],
    schema: [
        { name: "root", num_children: 6 },
        { name: "whole", type: "INT32", repetition_type: "REQUIRED" },
        { name: "price", type: "INT32", repetition_type: "REQUIRED", converted_type: "DECIMAL", scale: 2, precision: 9 },
        { name: "id", type: "FIXED_LEN_BYTE_ARRAY", type_length: 16, repetition_type: "REQUIRED", logical_type: { type: "UUID" } },
        { name: "clock", type: "INT32", repetition_type: "REQUIRED", converted_type: "TIME_MILLIS" },
        { name: "local", type: "INT64", repetition_type: "REQUIRED",
          logical_type: { type: "TIMESTAMP", isAdjustedToUTC: false, unit: "MICROS" } },
        { name: "word", type: "BYTE_ARRAY", repetition_type: "OPTIONAL", converted_type: "UTF8" },
    ],
})))

const schema = new parquetjs.ParquetSchema({
    whole: { type: "INT32" }, word: { type: "UTF8", optional: true, compression: "GZIP" },
    place: { fields: { lat: { type: "DOUBLE" }, lon: { type: "DOUBLE" } } },
    tags: { type: "UTF8", repeated: true }, at: { type: "TIMESTAMP_MILLIS", compression: "SNAPPY" },
})
const writer = await parquetjs.ParquetWriter.openFile(schema, "parquetjs.parquet", { rowGroupSize: 128 })
for (const i of rows)
    await writer.appendRow({ whole: whole(i), word: word(i) ?? undefined, place: { lat: i, lon: -i },
                             tags: [...Array(i % 3).keys()].map(String), at: at(i) })
await writer.close()
