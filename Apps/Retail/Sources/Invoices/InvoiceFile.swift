import Foundation
import MartletHost

/// A CSV file of invoices in UTF-8, plain or gzip; read sequentially in pieces.
struct InvoiceFile: Sendable {
    /// The maximum number of rows of one file.
    static let rowsMax = 10_000_000
    private static let pieceBytes = 262_144

    let path: String

    /// The rows, grouped by invoice, in the sequence of the invoices' first rows.
    ///
    /// - Parameter limit: The number of distinct invoice numbers to read; `nil` for all.
    /// - Throws: ``InvoiceFault``.
    func invoices(first limit: Int?) throws -> [Invoice] {
        var invoices: [Invoice] = []
        var indices: [String: Int] = [:]
        var rows = 0
        try eachRow { row in
            if let index = indices[row.invoice] {
                invoices[index].append(row)
            } else if limit.map({ invoices.count < $0 }) ?? true {
                indices[row.invoice] = invoices.count
                invoices.append(Invoice(first: row))
            } else {
                return
            }
            rows += 1
            guard rows <= Self.rowsMax else { throw fault("has more than \(Self.rowsMax) rows") }
        }
        guard !invoices.isEmpty else { throw fault("has no invoices") }
        return invoices
    }

    /// Passes every row that has a value to `body`, in the file's sequence.
    ///
    /// - Throws: ``InvoiceFault``, or what `body` throws.
    func eachRow(_ body: (InvoiceRow) throws -> Void) throws {
        var records = CSVRecords()
        var isHeader = true
        func handle(_ record: CSVRecords.Record) throws {
            if isHeader {
                isHeader = false
                let names = (0..<record.count).map { String(decoding: record[$0], as: UTF8.self) }
                guard names.joined(separator: ",") == InvoiceRow.header else {
                    throw fault("the first line must be \(InvoiceRow.header)", line: record.line)
                }
            } else if !record.isBlank {
                try body(InvoiceRow(record, file: path))
            }
        }
        do {
            try eachPiece { try records.feed($0, handle) }
            try records.finish(handle)
        } catch let fault as CSVRecords.Fault {
            throw described(fault)
        }
        guard !isHeader else { throw fault("is empty") }
    }

    private func eachPiece(_ body: ([UInt8]) throws -> Void) throws {
        guard let file = FileHandle(forReadingAtPath: path) else { throw fault("cannot be read") }
        defer { try? file.close() }  // Opened only for reading.
        let start = try piece(of: file, bytesMax: 2)
        guard start == Data([0x1F, 0x8B]) else {
            if let start { try body([UInt8](start)) }
            return try eachPiece(of: file, body)
        }
        let gzip = Process()
        let output = Pipe()
        gzip.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        gzip.arguments = ["gzip", "-dc", "--", path]
        gzip.standardInput = FileHandle.nullDevice
        gzip.standardOutput = output
        gzip.standardError = FileHandle.nullDevice
        do { try gzip.run() } catch { throw fault("gzip cannot be run: \(ErrorText.plain(error))") }
        do {
            try eachPiece(of: output.fileHandleForReading, body)
        } catch {
            gzip.terminate()
            gzip.waitUntilExit()
            throw error
        }
        gzip.waitUntilExit()
        guard gzip.terminationStatus == 0 else { throw fault("gzip cannot unpack it") }
    }

    private func eachPiece(of file: FileHandle, _ body: ([UInt8]) throws -> Void) throws {
        while let piece = try piece(of: file, bytesMax: Self.pieceBytes), !piece.isEmpty { try body([UInt8](piece)) }
    }

    private func piece(of file: FileHandle, bytesMax: Int) throws -> Data? {
        do { return try file.read(upToCount: bytesMax) } catch {
            throw fault("cannot be read: \(ErrorText.plain(error))")
        }
    }

    private func fault(_ rule: String, line: Int? = nil) -> InvoiceFault {
        InvoiceFault(file: path, line: line, column: nil, rule: rule)
    }

    private func described(_ fault: CSVRecords.Fault) -> InvoiceFault {
        switch fault {
        case .recordTooLong(let line):
            self.fault("is longer than \(CSVRecords.recordBytesMax) bytes", line: line)
        case .quoteInsideField(let line): self.fault("has a quote inside a field that is not quoted", line: line)
        case .textAfterQuote(let line): self.fault("has text after a closing quote", line: line)
        case .unclosedQuote(let line): self.fault("has a quote that is never closed", line: line)
        }
    }
}
