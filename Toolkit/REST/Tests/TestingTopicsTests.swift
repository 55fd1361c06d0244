import MartletContract
import MartletMessaging
import SwiftProtobuf
import Testing

@Suite("Generated topics")
struct TestingTopicsTests {
    @Test("carry an event with its name and key, and read it back")
    func roundTrip() throws {
        let event = ParcelMoved.with {
            $0.parcelID = "p1"
            $0.shelf = "a"
        }
        let message = try Message(event, on: TestingTopics.parcelMoves)
        #expect(message.topic == "martlet.testing.v1.parcel_moves")
        #expect(message.key == "p1")
        #expect(try TestingTopics.parcelMoves.decode(message.body) == event)
    }
}
