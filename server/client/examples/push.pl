#!/usr/bin/perl
# Pushes one measurement and one deploy marker over nanomsg and waits until they are durable.
# Debian: libnanomsg-raw-perl.
#
#     perl push.pl tcp://127.0.0.1:9701
use strict;
use warnings;
use NanoMsg::Raw;
use Time::HiRes qw(time);

if (@ARGV != 1) {
    print STDERR "usage: $0 URL (tcp://127.0.0.1:9701 or ipc://PATH)\n";
    exit 2;
}
my $url = shift;
my $socket = nn_socket(AF_SP, NN_REQ);
defined $socket or die "push.pl: no socket: $!\n";
nn_setsockopt($socket, NN_SOL_SOCKET, NN_RCVTIMEO, 10000) or die "push.pl: $!\n";
defined nn_connect($socket, $url) or die "push.pl: cannot connect to $url: $!\n";

# The header makes a resend harmless: the same producer, epoch and seq count once.
my $epoch = int(time() * 1000);
my $message = "#tm1 producer=example-pl epoch=$epoch seq=1\n"
    . "cpu,service=cart,pod=a1 value=0.93\n"
    . "deploy,service=cart version=\"1.8.3\",by=\"example\"\n";
defined nn_send($socket, $message, 0) or die "push.pl: cannot send: $!\n";
defined nn_recv($socket, my $reply, 65536, 0) or die "push.pl: no answer from $url: $!\n";
if ($reply !~ /"ok":true,"accepted":2,"rejected":0/) {
    print STDERR "push.pl: refused: $reply";
    exit 1;
}
print "acknowledged: 2 lines\n";
