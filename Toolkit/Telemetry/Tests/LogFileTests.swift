import Foundation
import Testing

@testable import MartletTelemetry

@Suite("Log output to a file")
struct LogFileTests {
    @Test("counts lines that a full disk does not take, and reports their number when there is room again")
    func full() throws {
        let path = "\(NSTemporaryDirectory())martlet-log-\(ProcessInfo.processInfo.globallyUniqueString)"
        defer { unlink(path) }
        let (full, file) = (open("/dev/full", O_WRONLY), open(path, O_CREAT | O_RDWR | O_APPEND, 0o600))
        defer { for descriptor in [full, file] { close(descriptor) } }
        try #require(full >= 0 && file >= 0)
        let output = LogOutput(descriptor: full)
        output.write(Array("lost".utf8))
        output.write(Array("lost, too".utf8))
        #expect(output.dropped == 2)

        #expect(dup2(file, full) == full)
        output.write(Array("after".utf8))
        #expect(output.dropped == 0)
        let lines = try String(contentsOfFile: path, encoding: .utf8).split(separator: "\n")
        #expect(lines.count == 2)
        #expect(lines.first?.contains(#""lines":2"#) == true)
        #expect(lines.last == "after")
    }
}
