/**
 * Reason why a message was dropped. 'queue-full': no room in `limits.queuedBytes` or `limits.queuedBytesPerPeer`. 'lane-full': its lane, of
 * a policy other than 'wait', gave it up. 'patience': that of its broadcast ended. 'refused': it is longer than the peer takes (in a
 * lane of another policy this is 'lane-full' too). 'changed': its memory was transferred or resized before it was admitted.
 */
export type DropReason = 'queue-full' | 'lane-full' | 'patience' | 'refused' | 'changed'
