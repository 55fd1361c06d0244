import Foundation
import Testing

@testable import MartletTelemetry

@Suite("Log output of several threads")
struct LogConcurrencyTests {
    @Test("lines are whole, complete and in the order of their threads, also after a reader that has stalled")
    func handedOver() async throws {
        var ends: [Int32] = [0, 0]
        #expect(pipe(&ends) == 0)
        defer { for end in ends { close(end) } }
        let output = LogOutput(descriptor: ends[1])
        let full = [UInt8](repeating: UInt8(ascii: "x"), count: LogOutput.lineBytesLimit - 1)
        while output.dropped == 0 { output.write(full) }
        var buffer = [UInt8](repeating: 0, count: 1 << 20)
        _ = read(ends[0], &buffer, buffer.count)

        await withTaskGroup(of: Void.self) { group in
            for thread in 0..<4 {
                group.addTask { for number in 0..<50 { output.write(Array("\(thread) \(number)".utf8)) } }
            }
        }
        output.flush()
        let count = read(ends[0], &buffer, buffer.count)
        let lines = String(decoding: buffer.prefix(max(0, count)), as: UTF8.self).split(separator: "\n").map(
            String.init
        )
        #expect(lines.count == 201, "one line reports what was dropped")
        for thread in 0..<4 {
            let own = lines.filter { $0.hasPrefix("\(thread) ") }
            #expect(own == (0..<50).map { "\(thread) \($0)" })
        }
    }
}
