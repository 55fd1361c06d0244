import MartletContract
import MartletMessaging
import MartletTestContract
import SwiftProtobuf
import Testing

@Suite("Generated topics")
struct TestingTopicsTests {
    @Test("an event is sent with its topic and key, and decoded again")
    func roundTrip() throws {
        let event = ParcelMoved.with {
            $0.parcelID = "p1"
            $0.shelf = "a"
        }
        let outgoing = try OutgoingEvent(event, on: TestingTopics.parcelMoves)
        #expect(outgoing.topic == "martlet.testing.v1.parcel_moves")
        #expect(outgoing.key == "p1")
        #expect(try TestingTopics.parcelMoves.decode(outgoing.body) == event)
    }
}
