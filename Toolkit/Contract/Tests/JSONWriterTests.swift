import Foundation
import MartletContract
import MartletTestContract
import SwiftProtobuf
import Testing

@Suite("JSON writer")
struct JSONWriterTests {
    @Test("writes every field, including zero values, and leaves out absent ones")
    func everything() {
        let json = String(decoding: Item.with { $0.name = "cup" }.jsonBytes, as: UTF8.self)
        #expect(json == #"{"name":"cup","quantity":0,"inner":[]}"#)
        let parcel = String(decoding: Parcel().jsonBytes, as: UTF8.self)
        #expect(
            parcel == #"{"parcel_id":"","shelf":"","items":[],"seal":"","worth":0,"shift":0,"number":0,"weight":0.0,"#
                + #""fragile":false,"labels":[],"sizes":[]}"#
        )
    }

    @Test("output decodes to the same message")
    func roundTrip() throws {
        let parcel = Parcel.with {
            $0.parcelID = "a\"\\\n\r\t\u{1}é😀"
            $0.items = [
                Item.with {
                    $0.name = "cup"; $0.quantity = 3; $0.inner = [Item.with { $0.name = "tea" }]
                }
            ]
            $0.size = .large
            $0.due = Google_Protobuf_Timestamp(seconds: 1_767_225_600, nanos: 123_456_000)
            $0.note = ""
            $0.machine = Item.with { $0.name = "robot" }
            $0.seal = .init([0xFB, 0xFF, 0x00, 0x01])
            $0.worth = -9_007_199_254_740_993
            $0.number = .max
            $0.weight = 1e-7
            $0.fragile = true
            $0.labels = ["a", ""]
            $0.sizes = [.small, .large]
        }
        #expect(try Parcel(jsonUTF8Bytes: parcel.jsonBytes) == parcel)
    }

    @Test(
        "writes bytes of any length in base64",
        arguments: [[], [1], [1, 2], [1, 2, 3], [255, 254, 253, 252]] as [[UInt8]]
    )
    func bytes(_ bytes: [UInt8]) throws {
        let parcel = Parcel.with { $0.seal = .init(bytes) }
        #expect(try Array(Parcel(jsonUTF8Bytes: parcel.jsonBytes).seal) == bytes)
    }
}
